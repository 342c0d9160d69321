package faultwall

import "time"

const byteOrderMark = "\xef\xbb\xbf"

// send hands bytes of the body to the network, as the step wants them.
func (p *performance) send(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := p.split(data, p.out.write); err != nil {
		return err
	}
	p.held++
	if p.held < p.step.FlushEvery {
		return nil
	}
	return p.flush()
}

func (p *performance) flush() error {
	p.held = 0
	return p.out.flush()
}

// split writes data whole or in pieces, and cuts at Cut.AfterBytes.
func (p *performance) split(data []byte, write func([]byte) error) error {
	size := len(data)
	apart := p.step.SplitBytes > 0 || p.step.DripBodyS > 0
	if apart {
		size = max(p.step.SplitBytes, 1)
	}
	for len(data) > 0 {
		if apart && p.sent > 0 {
			if err := p.pause(); err != nil {
				return err
			}
		}
		part := data[:min(size, len(data))]
		if cut := p.step.Cut; cut != nil && cut.AfterBytes != nil && p.sent+int64(len(part)) >= *cut.AfterBytes {
			return p.cutWithin(part, int(*cut.AfterBytes-p.sent), write)
		}
		p.note(len(part))
		if err := write(part); err != nil {
			return err
		}
		data = data[len(part):]
	}
	return nil
}

// pause separates two pieces of a split body.
func (p *performance) pause() error {
	if err := p.flush(); err != nil {
		return err
	}
	return p.sleep(p.step.DripBodyS)
}

// note writes bytes into the ledger before they are sent.
func (p *performance) note(n int) {
	p.sent += int64(n)
	p.page.sent(n, 0)
	if p.length >= 0 && p.sent >= p.length {
		p.page.end("")
	}
}

// cutWithin sends n bytes of part, then cuts.
func (p *performance) cutWithin(part []byte, n int, write func([]byte) error) error {
	p.sent += int64(n)
	p.page.sent(n, 0)
	if p.step.Cut.How == CutMidChunk {
		p.page.end(CutMidChunk)
		p.out.tear(part, n)
		return errCut
	}
	if err := write(part[:n]); err != nil {
		return err
	}
	return p.cut(nil)
}

// cut breaks the answer off. next is what would have been sent.
func (p *performance) cut(next []byte) error {
	how := p.step.Cut.How
	if how == CutSilence {
		return p.silence()
	}
	p.page.end(how)
	switch how {
	case CutClean:
		if err := p.cutClean(); err != nil {
			return err
		}
	case CutMidChunk:
		p.out.tear(next, len(next)/2)
	case CutReset:
		p.out.reset()
	case CutRefuse, CutGoAway:
		p.out.(*http2).disown(how) // unsupported by the other
	default:
		p.out.close()
	}
	return errCut
}

// cutClean ends the body as HTTP wants it; so far it is whole for gzip too.
func (p *performance) cutClean() error {
	if p.zip != nil && p.step.Cut.AfterBytes == nil {
		_ = p.zip.Close()
		if err := p.out.write(p.zipped.Bytes()); err != nil {
			return err
		}
	}
	return p.out.finish()
}

// silence sends nothing more until the client leaves.
func (p *performance) silence() error {
	if err := p.flush(); err != nil {
		return err
	}
	p.page.cutBySilence()
	<-p.out.gone()
	return errLeft
}

// checkForever ends an endless answer at the wall's bounds.
func (p *performance) checkForever() error {
	o := &p.wall.options
	if !p.step.Forever || time.Since(p.begun) < seconds(o.ForeverS) && p.sent < o.ForeverBytes {
		return nil
	}
	p.page.end("limit")
	p.out.close()
	return errCut
}
