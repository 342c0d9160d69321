package contract

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/credential"
)

// functions give tokens as an application would: a name lists what its function
// gives, one after another, the last one again and again; "fail:why" is a
// failure.
type functions struct {
	mu    sync.Mutex // guards asked
	asked map[string]int
}

func (f *functions) credential() *credential.Functions {
	return &credential.Functions{Get: func(_ context.Context, name string) (string, time.Time, error) {
		all := strings.Split(name, ",")
		f.mu.Lock()
		defer f.mu.Unlock()
		token := all[min(f.asked[name], len(all)-1)]
		f.asked[name]++
		if why, fails := strings.CutPrefix(token, "fail:"); fails {
			return "", time.Time{}, errors.New(why)
		}
		return token, time.Now().Add(time.Hour), nil
	}}
}
