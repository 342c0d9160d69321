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
	{"NOPERM", rights},
	{"ACL failure", rights},
	{"MOVED", `the store is a cluster; name two of its hosts in the url of "fleet", with a comma between (the same twice will do)`},
	{"cluster support disabled", "several hosts are a cluster, and this server is none; name a single host, or sentinels with ?sentinel=NAME"},
	{"READONLY", `; name the primary in the url of "fleet", or sentinels`},
	{"OOM ", "; raise the store's maxmemory, or let it evict (maxmemory-policy volatile-lru: all keys of a fleet end by themselves)"},
	{"WRONGTYPE", `; other programs use keys of the fleet's: give it another "name"`},
	{"CLUSTERDOWN", "; some slots of the cluster have no server"},
	{"the slot has no valkey node", "some slots of the cluster have no server (CLUSTERDOWN)"},
	{"'SENTINEL'", "the server is no sentinel; name sentinels in the url, or leave out ?sentinel=NAME"},
	{"No such master", "; sentinels know the primary by another name than ?sentinel=NAME"},
	{"unknown authority", `; set "ca_file" in "fleet" to the store's root certificates`},
	{"certificate is valid for", `; the host in the url of "fleet" must be a name of the store's certificate`},
	{"certificate required", "the store wants a certificate from its clients, and a fleet has none; set 'tls-auth-clients no' there"},
	{"no such host", `; check the host in the url of "fleet"`},
	{"connection refused", `; check the host and the port in the url of "fleet", and whether the store runs`},
	{"connection reset", "; " + endsSo},
	{"unknown message type", "the server speaks neither Valkey's nor Redis's protocol; check the address, and whether it wants TLS (valkeys://, rediss://)"},
}

const rights = "; the guide on fleets has the rights that a fleet needs"

const endsSo = "stores do so that want TLS (valkeys://, rediss://), or have too many clients"

// plain is an error as one line, with what to do where that is known.
func plain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the store does not answer in time")
	case errors.Is(err, io.EOF):
		return errors.New("the store has closed the connection; " + endsSo)
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, a := range advice {
		switch {
		case !strings.Contains(text, a.has):
			continue
		case a.says[0] == ';':
			return errors.New(strings.TrimSuffix(text, ".") + a.says)
		}
		return errors.New(a.says)
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
