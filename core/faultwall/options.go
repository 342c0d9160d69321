package faultwall

import (
	"cmp"
	"reflect"
	"syscall"
)

// Options of a wall, as SCRIPT.md describes; in JSON they are a script's
// "options". The zero value is plain HTTP/1.1 on a free loopback port.
type Options struct {
	Addr         string  `json:"addr,omitempty"`
	TLS          bool    `json:"tls,omitempty"`
	HTTP2        bool    `json:"http2,omitempty"`
	Cert         string  `json:"cert,omitempty"`
	TLSMax       string  `json:"tls_max,omitempty"`
	CAFile       string  `json:"ca_file,omitempty"`
	MaxRequests  int     `json:"max_requests,omitempty"`
	MaxBodyBytes int     `json:"max_body_bytes,omitempty"`
	ForeverS     float64 `json:"forever_s,omitempty"`
	ForeverBytes int64   `json:"forever_bytes,omitempty"`
	ClockS       float64 `json:"clock_s,omitempty"`
	Control      bool    `json:"control,omitempty"`
	// OnSocket, if set, is called with the descriptor of each new listening
	// socket and connection. For programs that fork.
	OnSocket func(fd uintptr) `json:"-"`
}

// told passes on the descriptor of a socket.
func (o *Options) told(socket syscall.Conn) {
	if o.OnSocket == nil {
		return
	}
	if raw, err := socket.SyscallConn(); err == nil {
		_ = raw.Control(o.OnSocket) // closed already: nothing to tell
	}
}

// Values of Options.Cert.
const (
	CertExpired   = "expired"
	CertWrongHost = "wrong_host"
)

func (o *Options) check(path string) error {
	if o == nil {
		return nil
	}
	return cmp.Or(oneOf(path+".cert", o.Cert, "", CertExpired, CertWrongHost), oneOf(path+".tls_max", o.TLSMax, "", "1.0", "1.1", "1.2", "1.3"),
		positive(path+".forever_s", o.ForeverS), positive(path+".forever_bytes", float64(o.ForeverBytes)))
}

// over returns o with its zero fields taken from a script's options, then from
// the defaults.
func (o Options) over(script *Options) Options {
	defaults := &Options{Addr: "127.0.0.1:0", MaxRequests: 10_000, MaxBodyBytes: 1 << 20, ForeverS: 60, ForeverBytes: 1 << 30}
	for _, from := range []*Options{script, defaults} {
		if from == nil {
			continue
		}
		to, values := reflect.ValueOf(&o).Elem(), reflect.ValueOf(from).Elem()
		for i := range to.NumField() {
			if to.Field(i).IsZero() {
				to.Field(i).Set(values.Field(i))
			}
		}
	}
	o.TLS = o.TLS || o.HTTP2 || o.Cert != "" || o.TLSMax != ""
	return o
}
