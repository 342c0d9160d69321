package faultwall

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Why a performance ends early.
var (
	errLeft = errors.New("the client left")
	errCut  = errors.New("the script cut the answer")
)

// performance is one answer on its way to the client.
type performance struct {
	wall  *Wall
	out   sink
	call  *call
	step  *Step
	page  *entry
	begun time.Time

	answer   *answer
	length   int64 // announced length of the body; -1: none
	headed   bool
	events   int
	sent     int64
	finished int // choices whose finish reason was sent
	held     int // events in the sink's buffer
	started  bool
	zip      *gzip.Writer
	zipped   bytes.Buffer
}

// answer performs what the script has for a request.
func (w *Wall) answer(out sink, r *http.Request, body []byte, conn *SeenConnection) {
	if w.options.Control && strings.HasPrefix(r.URL.Path, controlPrefix) {
		w.control(out, r, body)
		return
	}
	c, forced := understand(r, body)
	if step := w.batched(r, body); step != nil {
		c.kind, forced = KindOther, step
	}
	c.url, c.ahead = w.URL(), seconds(w.options.ClockS)
	if _, aws := c.dialect.(bedrock); forced == nil && (aws || awsKey(r) != "") {
		forced = checkAWS(r, body, time.Now().Add(c.ahead))
	}
	step := forced
	stale := out.stale()
	page := w.ledger.arrive(w.describeRequest(r, c), conn, stale, func(number int) int {
		c.number = number
		if forced != nil {
			return -1
		}
		var index int
		step, index = w.take(c, keyOf(r))
		return index
	})
	if stale {
		out.close()
		return
	}
	if field := out.unsupported(step); field != "" {
		step = &Step{Status: http.StatusNotImplemented, Body: object(
			"error", object("message", "faultwall: no "+field+" over "+r.Proto, "type", "server_error"),
		)}
	}
	p := &performance{wall: w, out: out, call: c, step: step, page: page, begun: time.Now(), length: -1}
	p.end(p.run())
	out.after(step)
}

// end writes the performance's end into the ledger.
func (p *performance) end(err error) {
	switch {
	case err == nil || errors.Is(err, errCut):
		p.page.end("") // a cut has been noted already
	case p.out.killed():
		p.page.end("killed")
		p.out.close()
	default:
		when := time.Now()
		if isClosed(p.out.gone()) {
			when = p.out.leftAt()
		}
		p.page.left(when)
		p.out.close()
	}
}

// run plays the step: hold and delay, head, body, end.
func (p *performance) run() error {
	s := p.step
	if err := p.waitFor(s.Hold, s.DelayHeadersS); err != nil {
		return err
	}
	if s.Cut != nil && s.Cut.At == BeforeHeaders {
		return p.cut(nil)
	}
	if raw := []byte(s.Raw); s.RawB64 != nil || len(raw) > 0 {
		return p.runRaw(append(raw, s.RawB64...))
	}
	p.answer = compose(p.call, s)
	if s.Gzip {
		p.zip = gzip.NewWriter(&p.zipped)
	}
	if err := p.sendHead(); err != nil {
		return err
	}
	if cut := s.Cut; cut != nil && cut.AfterEvents == nil && cut.AfterBytes == nil {
		return p.cut(nil)
	}
	if err := p.waitFor("", s.DelayBodyS); err != nil {
		return err
	}
	if err := p.sendBody(); err != nil {
		return err
	}
	p.page.end("")
	return p.out.finish()
}

// runRaw sends the script's own bytes instead of an answer.
func (p *performance) runRaw(raw []byte) error {
	p.page.headed(rawStatus(raw))
	p.headed = true
	p.answer = &answer{}
	if err := p.split(raw, p.out.raw); err != nil {
		return err
	}
	if p.step.Cut != nil && p.step.Cut.AfterBytes == nil {
		return p.cut(nil)
	}
	p.page.end("")
	if p.step.KeepAlive == nil || !*p.step.KeepAlive {
		p.out.close()
	}
	return nil
}

// rawStatus reads the status of raw bytes; 0: they have none.
func rawStatus(raw []byte) int {
	fields := strings.Fields(string(raw[:min(len(raw), 32)]))
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/") {
		return 0
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return status
}

func (p *performance) sendHead() error {
	h := headOf(p.call, p.step, p.answer)
	if h.framing == framingLength {
		p.length = h.length
	}
	var pause func() error
	if drip := p.step.DripHeadersS; drip > 0 {
		pause = func() error { return p.sleep(drip) }
	}
	p.page.headed(h.status)
	if p.length == 0 && pause == nil && p.step.Cut == nil {
		p.page.end("") // the head is the whole answer
	}
	if err := p.out.head(h, pause); err != nil {
		return err
	}
	p.headed = true
	return nil
}

func (p *performance) sendBody() error {
	for piece := range p.answer.pieces {
		if err := p.play(piece); err != nil {
			return err
		}
		if err := p.checkForever(); err != nil {
			return err
		}
	}
	if p.zip != nil {
		if err := p.zip.Close(); err != nil {
			return err
		}
		if err := p.sendZipped(); err != nil {
			return err
		}
	}
	if cut := p.step.Cut; cut != nil && cut.AfterEvents != nil && p.events == *cut.AfterEvents {
		return p.cut(nil)
	}
	return nil
}

// play sends one piece of the body.
func (p *performance) play(next piece) error {
	s := p.step
	if s.Cut != nil && s.Cut.AfterEvents != nil && p.events == *s.Cut.AfterEvents {
		return p.cut(next.data)
	}
	delay := next.delayS
	if next.event && p.events > 0 {
		delay += s.DelayEventS
	}
	if err := p.waitFor(next.hold, delay); err != nil {
		return err
	}
	if isClosed(p.out.gone()) {
		return errLeft
	}
	data := next.data
	if s.BOM && !p.started && len(data) > 0 {
		data = append([]byte(byteOrderMark), data...)
	}
	p.started = p.started || len(data) > 0
	if next.event {
		p.events++
		p.page.sent(0, 1)
	}
	if p.answer.events {
		p.finished += finishes(data)
		if p.finished >= max(p.call.choices, s.Choices, 1) {
			p.page.release()
		}
	}
	if p.zip == nil {
		return p.send(data)
	}
	if _, err := p.zip.Write(data); err != nil {
		return err
	}
	if next.event {
		if err := p.zip.Flush(); err != nil {
			return err
		}
	}
	return p.sendZipped()
}

func (p *performance) sendZipped() error {
	data := bytes.Clone(p.zipped.Bytes())
	p.zipped.Reset()
	return p.send(data)
}

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
