package transport

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// A host that does not exist is mostly a slip in the configuration, of a
// region too; one whose name nobody could look up is none, nor is a proxy.
func TestAnUnknownHostSaysWhatToCheck(t *testing.T) {
	for name, told := range map[string]*net.DNSError{
		"is not found":        {Err: "no such host", Name: "bedrock-runtime.us-est-1.amazonaws.com", IsNotFound: true},
		"cannot be looked up": {Err: "server misbehaving", Name: "h", IsTemporary: true},
		"is a proxy":          {Err: "no such host", Name: "proxy.internal", IsNotFound: true},
	} {
		addr := told.Name + ":443"
		if name == "is a proxy" {
			addr = "api.example.com:443"
		}
		err := new(dialer).connectError(context.Background(), addr, &net.OpError{Op: "dial", Net: "tcp", Err: told})
		require.ErrorContains(t, err, told.Name)
		if name == "is not found" {
			require.ErrorContains(t, err, `"region"`, name)
		} else {
			require.NotContains(t, err.Error(), `"region"`, name)
		}
	}
}
