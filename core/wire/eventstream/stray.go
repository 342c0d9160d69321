package eventstream

import "bytes"

// This file reads lines that the standard ignores and that some servers and
// gateways write all the same.

// stray takes a line whose field has no meaning in the format.
func (d *Decoder) stray(line span) {
	if d.Bare {
		if d.goesOn() {
			d.addData(line)
			return
		}
		if value, ok := d.oddData(line); ok {
			d.addData(value)
			return
		}
	}
	text := d.buf[line.start:line.end]
	name := fieldOf(text)
	switch {
	case text[0] == '<', bytes.IndexByte(name, ' ') >= 0:
		d.Strays++
	case d.Strays > 0 || bytes.IndexByte(bytes.TrimSpace(bytes.TrimPrefix(text[len(name):], []byte(":"))), ' ') < 0:
		return // a field of any name, or it says less than what came before
	}
	d.Words = append(d.Words[:0], text[:min(len(text), maxWords)]...)
}

// goesOn tells whether the data so far is an object without its end: of servers
// that write JSON over several lines. It looks at each byte once.
func (d *Decoder) goesOn() bool {
	if !d.hasData || d.dataStart == d.dataEnd || d.buf[d.dataStart] != '{' {
		return false
	}
	if !d.ended {
		_, d.ended = d.object.Feed(d.buf[d.dataStart+d.scanned : d.dataEnd])
		d.scanned = d.dataEnd - d.dataStart
	}
	return !d.ended
}

// isOpen tells whether the data in front of a blank line is an object without
// its end. One line that ends like an object, as nearly all do, is taken for
// one.
func (d *Decoder) isOpen() bool {
	return d.Bare && (d.joined || d.dataEnd > d.dataStart && d.buf[d.dataEnd-1] != '}') && d.goesOn()
}

// parts tells whether the line behind a gap parts the events, and puts it back
// then. The object before the gap goes on in a line, or a line of data, that is
// indented or begins as no event does; a comment says nothing about it.
func (d *Decoder) parts(line span) bool {
	text := d.buf[line.start:line.end]
	if text[0] == ':' {
		return false
	}
	text = bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("data:")), []byte(" "))
	if len(text) == 0 || bytes.IndexByte([]byte(" \t\"}],"), text[0]) >= 0 {
		d.gap = false
		return false
	}
	d.pos, d.skipLF = line.start, false
	d.lf, d.cr = d.pos, d.pos
	return true
}

// oddData finds the data in a line that has it in an odd form: behind a byte
// order mark (of a server that writes each event with an encoder of its own),
// NULs or blanks, as "Data:", "data :" or "data=", or as an object under
// another name.
func (d *Decoder) oddData(line span) (value span, ok bool) {
	at, _ := Before(d.buf[line.start:line.end])
	at += line.start
	if at < line.end && d.buf[at] == '{' {
		return span{at, line.end}, true
	}
	text := d.buf[at:line.end]
	name := fieldOf(text)
	value = span{at + min(len(name)+1, len(text)), line.end}
	for value.start < value.end && d.buf[value.start] == ' ' {
		value.start++
	}
	const data = "data"
	if name = bytes.TrimSpace(name); bytes.EqualFold(name, []byte(data)) {
		return value, true
	}
	if rest, found := bytes.CutPrefix(text, []byte(data+"=")); found {
		return span{line.end - len(rest), line.end}, true
	}
	isObject := value.start < value.end && d.buf[value.start] == '{'
	return value, isObject && len(name) > 0 && bytes.IndexByte(name, ' ') < 0
}

// fieldOf is the name of a line's field: all of it where it has no colon.
func fieldOf(line []byte) []byte {
	if colon := bytes.IndexByte(line, ':'); colon >= 0 {
		return line[:colon]
	}
	return line
}
