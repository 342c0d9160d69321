package credential

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// mostSkew is by how much clocks may differ before a signature is refused for
// that (AWS: five minutes).
const mostSkew = 4 * time.Minute

// skewWords are in refusals of a signature that may be the clock's fault.
var skewWords = []string{"signatureexpired", "requesttimetooskewed", "requestexpired", "invalidsignature", "signaturedoesnotmatch", "signature expired", "signature not yet current"}

// skewed tells whether the request that e refuses was signed at another time
// than the server's, and whether it is to be signed again, by the server's
// clock.
func (a *Authorizer) skewed(head http.Header, e *llm.Error) (again, skewed bool) {
	said := strings.ToLower(e.Type + " " + e.ProviderCode + " " + e.ProviderMessage)
	found := false
	for _, word := range skewWords {
		found = found || strings.Contains(said, word)
	}
	server, err := http.ParseTime(head.Get("Date"))
	if !found || err != nil {
		return false, false
	}
	skew := time.Until(server).Round(time.Second)
	if before := time.Duration(a.skew.Load()); (skew - before).Abs() >= mostSkew { // also where the clock has been set right
		a.skew.Store(int64(skew))
		return true, true
	}
	if skew.Abs() < mostSkew {
		return false, false
	}
	e.Message += wrongClock(skew)
	return false, true
}

// wrongClock is the end of a message; skew is by how much the server is ahead.
func wrongClock(skew time.Duration) string {
	direction := "behind"
	if skew < 0 {
		direction = "ahead of"
	}
	return fmt.Sprintf("; this machine's clock is %v %s the server's: set the clock", skew.Abs().Round(time.Minute), direction)
}

// clock is what a refusal with the given head may owe to this machine's clock;
// "" where the clocks agree.
func clock(head http.Header) string {
	server, err := http.ParseTime(head.Get("Date"))
	if skew := time.Until(server).Round(time.Second); err == nil && skew.Abs() >= mostSkew {
		return wrongClock(skew)
	}
	return ""
}
