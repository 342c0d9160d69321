package client

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestAnAttemptIsASmallObject(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(attempt{}), uintptr(480), "a larger object costs the collector more, in every call")
}
