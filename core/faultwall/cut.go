package faultwall

import "time"

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
