package faultwall

import "time"

// waitFor waits at a hold and then for a time.
func (p *performance) waitFor(hold string, delayS float64) error {
	if hold != "" {
		if err := p.flush(); err != nil {
			return err
		}
		gate := p.wall.gate(hold)
		if err := await(p, gate); err != nil {
			return err
		}
	}
	if delayS <= 0 {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	timer := time.NewTimer(seconds(delayS))
	defer timer.Stop()
	return await(p, timer.C)
}

// sleep waits without comments.
func (p *performance) sleep(delayS float64) error {
	if delayS <= 0 {
		return nil
	}
	timer := time.NewTimer(seconds(delayS))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.out.gone():
		return errLeft
	}
}

// await waits for a signal, with comments in between where the step has them.
func await[T any](p *performance, signal <-chan T) error {
	var comments <-chan time.Time
	if p.step.CommentEveryS > 0 && p.headed && p.answer.events && p.zip == nil {
		ticker := time.NewTicker(seconds(p.step.CommentEveryS))
		defer ticker.Stop()
		comments = ticker.C
	}
	for {
		select {
		case <-signal:
			return nil
		case <-p.out.gone():
			return errLeft
		case <-comments:
			if err := p.comment(); err != nil {
				return err
			}
		}
	}
}

func (p *performance) comment() error {
	data := formatOf(p.call, p.step).comment("keep-alive")
	p.note(len(data))
	if err := p.out.write(data); err != nil {
		return err
	}
	return p.flush()
}
