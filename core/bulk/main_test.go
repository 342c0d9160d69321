package bulk_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv("LLMAGG_TEST_BULK"); arguments != "" {
		job(arguments)
		return
	}
	goleak.VerifyTestMain(m)
}
