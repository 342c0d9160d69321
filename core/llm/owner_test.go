package llm_test

import (
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Each failure has an owner: ours, a rule's, the provider's, the network's.
func TestEachFailureHasAnOwner(t *testing.T) {
	want := map[string][]llm.Code{
		llm.OwnerPolicy:   {llm.RateLimit, llm.Quota, llm.ContentFilter, llm.CircuitOpen, llm.Overloaded},
		llm.OwnerProvider: {llm.Timeout, llm.BadResponse, llm.AllFailed},
		llm.OwnerNetwork:  {llm.Unavailable, llm.StreamInterrupted},
		llm.OwnerCaller: {llm.InvalidArgument, llm.InvalidHandle, llm.Closed, llm.Internal, llm.Forked, llm.NotInitialized, llm.ProviderNotFound,
			llm.ModelNotFound, llm.Authentication, llm.BadRequest, llm.ContextLength, llm.Unsupported, llm.Canceled},
	}
	seen := 0
	for owner, codes := range want {
		for _, code := range codes {
			require.Equal(t, owner, (&llm.Error{Code: code}).Owner(), code)
			seen++
		}
	}
	require.Equal(t, len(llm.Codes())-1, seen, "all but OK")
	require.Equal(t, llm.OwnerProvider, (&llm.Error{Code: llm.Unavailable, Status: 503}).Owner())
	require.Equal(t, llm.OwnerNetwork, (&llm.Error{Code: llm.Unavailable, Status: 200}).Owner(), "it broke amid its answer")
	require.Equal(t, llm.OwnerProvider, (&llm.Error{Code: llm.Unavailable, Status: 200, Type: "server_error"}).Owner(), "it says so itself")
	require.Equal(t, llm.OwnerProvider, (&llm.Error{Code: llm.StreamInterrupted, Cause: &llm.Error{Code: llm.BadResponse}}).Owner())
	require.Equal(t, llm.OwnerPolicy, (&llm.Attempt{Code: llm.Unavailable, Owner: llm.OwnerPolicy}).ErrorOwner())
	require.Empty(t, (&llm.Attempt{}).ErrorOwner())
	require.Equal(t, llm.OwnerPolicy, (&llm.Error{Code: llm.AllFailed, Cause: llm.Errorf(llm.RateLimit, "later")}).Owner())
	require.Equal(t, llm.OwnerCaller, (&llm.Error{Code: llm.AllFailed, Attempts: []llm.Attempt{{Code: llm.Authentication}}}).Owner())
}
