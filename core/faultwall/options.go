package faultwall

import (
	"cmp"
	"reflect"
	"syscall"
)

// Options of a wall. The zero value is plain HTTP/1.1 on a free loopback port.
// In JSON they are a script's "options".
type Options struct {
	// Addr to listen on. Empty: 127.0.0.1:0.
	Addr string `json:"addr,omitempty"`
	// TLS serves https with a certificate of the wall's own; see
	// Wall.CACertPEM.
	TLS bool `json:"tls,omitempty"`
	// HTTP2 offers HTTP/2 to clients, over TLS.
	HTTP2 bool `json:"http2,omitempty"`
	// Cert is what is wrong with the certificate: "" (nothing, once a client
	// trusts the wall's own authority), CertExpired or CertWrongHost.
	Cert string `json:"cert,omitempty"`
	// TLSMax is the newest version of TLS that the wall speaks: "1.0", "1.1",
	// "1.2" or "1.3". Empty: the newest.
	TLSMax string `json:"tls_max,omitempty"`
	// CAFile, if not empty, is written with CACertPEM when the wall starts.
	CAFile string `json:"ca_file,omitempty"`
	// MaxRequests is how many requests Seen keeps, the latest ones. 0: 10 000.
	MaxRequests int `json:"max_requests,omitempty"`
	// MaxBodyBytes is how much of a request's body Seen keeps. 0: 1 MiB;
	// negative: nothing.
	MaxBodyBytes int `json:"max_body_bytes,omitempty"`
	// ForeverS and ForeverBytes bound answers that never end. 0: 60 s, 1 GiB.
	ForeverS     float64 `json:"forever_s,omitempty"`
	ForeverBytes int64   `json:"forever_bytes,omitempty"`
	// ClockS is by how much the wall's clock is ahead; negative: behind.
	ClockS float64 `json:"clock_s,omitempty"`
	// Control adds paths for a wall in a process of its own: GET /_wall/seen,
	// POST /_wall/script, POST /_wall/release?name=…
	Control bool `json:"control,omitempty"`
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
