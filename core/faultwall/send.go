package faultwall

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
