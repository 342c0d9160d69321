package transport

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strconv"
)

// The client's side of SOCKS 5, as far as a tunnel needs it (RFC 1928, CONNECT
// to a name that the proxy looks up; RFC 1929, name and password). It is not
// taken from golang.org/x/net: net/http has its own copy of that in the library
// already, but lends it to nobody.

const (
	socksVersion     = 5
	socksNoPassword  = 0
	socksPassword    = 2
	socksConnect     = 1
	socksName        = 3
	socksIPv4        = 1
	socksIPv6        = 4
	passwordVersion  = 1
	socksLongestText = math.MaxUint8
)

var socksFailures = map[byte]string{1: "general failure", 2: "not allowed by its rules", 3: "network unreachable", 4: "host unreachable",
	5: "connection refused", 6: "expired on the way", 7: "command not supported", 8: "kind of address not supported"}

// socksTunnel asks the SOCKS proxy at the other end of conn for a tunnel to addr.
func socksTunnel(conn io.ReadWriter, user *url.Userinfo, addr string) error {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || len(host) > socksLongestText {
		return fmt.Errorf("%q cannot be told to a SOCKS proxy", addr)
	}
	if err := socksGreet(conn, user); err != nil {
		return err
	}
	ask := append([]byte{socksVersion, socksConnect, 0, socksName, byte(len(host))}, host...)
	if _, err := conn.Write(append(ask, byte(port>>8), byte(port))); err != nil {
		return err
	}
	// Version, outcome, 0, kind of address; then an address that says nothing.
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	if head[0] != socksVersion {
		return errors.New("what answers does not speak SOCKS 5")
	}
	if head[1] != 0 {
		return fmt.Errorf("SOCKS: %s (%d)", socksFailures[head[1]], head[1])
	}
	rest := map[byte]int{socksIPv4: 3 + 2, socksIPv6: 15 + 2, socksName: int(head[4]) + 2}[head[3]]
	if rest == 0 {
		return errors.New("SOCKS: an unknown kind of address in the answer")
	}
	_, err = io.ReadFull(conn, make([]byte, rest))
	return err
}

// socksGreet agrees on how to tell who asks.
func socksGreet(conn io.ReadWriter, user *url.Userinfo) error {
	way := byte(socksNoPassword)
	if user != nil {
		way = socksPassword
	}
	if _, err := conn.Write([]byte{socksVersion, 1, way}); err != nil {
		return err
	}
	answer := make([]byte, 2)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if answer[0] != socksVersion {
		return errors.New("what answers does not speak SOCKS 5")
	}
	if answer[1] != way {
		return errors.New("SOCKS: the proxy wants to be told otherwise who asks; expected no password, or user:password in the proxy's URL")
	}
	if user == nil {
		return nil
	}
	password, _ := user.Password()
	name := user.Username()
	if len(name) > socksLongestText || len(password) > socksLongestText {
		return errors.New("SOCKS: user or password is longer than 255 bytes")
	}
	tell := append([]byte{passwordVersion, byte(len(name))}, name...)
	tell = append(append(tell, byte(len(password))), password...)
	if _, err := conn.Write(tell); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if answer[1] != 0 {
		return errors.New("SOCKS: user or password was refused")
	}
	return nil
}
