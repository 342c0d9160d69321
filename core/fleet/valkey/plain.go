package valkey

import (
	"context"
	"errors"
	"io"
	"strings"
)

// advice is by what a server's error has in it: instead of it, or behind it
// where it begins with a semicolon.
var advice = []struct{ has, says string }{
	{"NOAUTH", `the store wants a password (NOAUTH); set "password" in "fleet"`},
	{"WRONGPASS", `; check "username" and "password" in "fleet"`},
	{"NOPERM", "; the guide on fleets has the rights that a fleet needs"},
	{"MOVED", `the store is a cluster; name two of its hosts in the url of "fleet", with a comma between (the same twice will do)`},
	{"cluster support disabled", "several hosts are a cluster, and this server is none; name a single host, or sentinels with ?sentinel=NAME"},
	{"unknown message type", "the server speaks neither Valkey's nor Redis's protocol; check the address, and whether it wants TLS (valkeys://, rediss://)"},
}

// plain is an error as one line, with what to do where that is known.
func plain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the store does not answer in time")
	case errors.Is(err, io.EOF):
		return errors.New("the store has closed the connection")
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, a := range advice {
		switch {
		case !strings.Contains(text, a.has):
			continue
		case a.says[0] == ';':
			return errors.New(text + a.says)
		}
		return errors.New(a.says)
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
