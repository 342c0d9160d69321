package eventstream

import "io"

// fill reads once, behind what the buffer holds, and keeps the reader's error
// for when that is used up.
func (d *Decoder) fill() {
	d.makeRoom()
	room := d.buf[d.end:]
	// One byte more than allowed tells a stream that ends at its limit from one
	// that passes it.
	if allowed := d.limits.StreamBytes - d.total + 1; int64(len(room)) > allowed {
		room = room[:allowed]
	}
	for range maxEmptyReads {
		n, err := d.reader.Read(room)
		if n > 0 {
			d.total += int64(n)
			d.end += n
			d.filled = n == len(room)
			if d.OnRead != nil {
				d.OnRead(n)
			}
		}
		if d.total > d.limits.StreamBytes {
			d.end--
			err = ErrStreamTooLarge
		}
		if n > 0 || err != nil {
			d.err = err
			return
		}
	}
	d.err = io.ErrNoProgress
}

// makeRoom sees to at least minRead free bytes at the end of the buffer, or to
// minSmall, by closing the gaps or else by growing it.
//
// Each byte is moved a bounded number of times: a gap means that a line was
// consumed since the last move, so that what is undecoded now came after it,
// and the data of an event begun before it lies at the start of the buffer and
// stays there.
func (d *Decoder) makeRoom() {
	least := minRead
	if len(d.buf) <= smallBuffer && !d.filled {
		least = minSmall
	}
	if len(d.buf)-d.end >= least {
		return
	}
	used := d.dataEnd - d.dataStart + 1 + d.end - d.pos
	target := d.buf
	if len(d.buf)-used < max(least, len(d.buf)/4) {
		// The buffer follows what has arrived, never what was announced; Next
		// lets no more than EventBytes of it wait here.
		size := int64(max(firstBuffer, 2*len(d.buf)))
		if d.buf == nil {
			size = smallBuffer
		}
		if size >= d.limits.EventBytes { // at once what an event can need: each growth costs a copy
			size = d.limits.EventBytes + firstBuffer
		}
		if size > int64(len(d.buf)) {
			target = make([]byte, size)
		}
	}
	data := copy(target, d.buf[d.dataStart:d.dataEnd])
	pos := data
	if d.hasData { // room for the end of a line that no field name makes
		pos++
	}
	rest := copy(target[pos:], d.buf[d.pos:d.end])
	shift := d.pos - pos
	d.buf = target
	d.dataStart, d.dataEnd = 0, data
	d.pos, d.end = pos, pos+rest
	d.lf, d.cr = max(d.lf-shift, d.pos), max(d.cr-shift, d.pos)
}
