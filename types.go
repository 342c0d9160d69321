package llmagg

import (
	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// What a call takes.
type (
	Request          = llm.Request          // a chat completion request; its Options are the call's
	Message          = llm.Message          // one message of a request or an answer
	Part             = llm.Part             // one piece of multi-part content
	Role             = llm.Role             // the role of a message
	CallOptions      = llm.CallOptions      // the options of one call: deadline, timeout, strategy, …
	Cache            = cache.Cache          // answers requests that equal earlier ones; see [WithCache]
	CacheOptions     = cache.Options        // bound a cache, or give it a store
	MaxCost          = llm.MaxCost          // bounds what a call may cost
	Budget           = llm.Budget           // bounds what many calls cost together; see [NewBudget]
	ToolCall         = llm.ToolCall         // a call that the model asks for
	Extra            = llm.Extra            // request or answer fields that this library has no name for
	EmbeddingRequest = llm.EmbeddingRequest // asks for the vectors of texts
	RerankRequest    = llm.RerankRequest    // asks how well documents fit a query
)

// What a call gives.
type (
	Response          = llm.Response          // a whole answer; Response.Text is its text
	Choice            = llm.Choice            // one of its answers
	Usage             = llm.Usage             // counts tokens; a nil *Usage is not known
	Cost              = llm.Cost              // what a call cost; a nil *Cost is not known
	Attempt           = llm.Attempt           // one try on one route
	Stream            = client.Stream         // a streamed answer
	Event             = llm.Event             // one event of a stream
	Chunk             = llm.Chunk             // a piece of a streamed answer
	Restart           = llm.Restart           // says that an answer begins again on another route
	EmbeddingResponse = llm.EmbeddingResponse // has the vectors of texts
	RerankResponse    = llm.RerankResponse    // has documents, the best first
	RouteReport       = llm.RouteReport       // the state of one route
	Observation       = observe.Observation   // one thing that happened during a call
)

// Error is the type of every error of a call. Get it with errors.As.
type Error = llm.Error

// Code says what kind of failure an [Error] is.
type Code = llm.Code

// The roles of messages.
const (
	RoleSystem    = llm.RoleSystem
	RoleDeveloper = llm.RoleDeveloper
	RoleUser      = llm.RoleUser
	RoleAssistant = llm.RoleAssistant
	RoleTool      = llm.RoleTool
)

// The kinds of stream events.
const (
	EventChunk   = llm.EventChunk   // Chunk is set
	EventRestart = llm.EventRestart // Restart is set; discard the chunks before
	EventDone    = llm.EventDone    // Response is set: the whole answer
)

// The codes of errors; docs/reference/errors.md says what to do about each.
const (
	InvalidArgument   = llm.InvalidArgument
	Closed            = llm.Closed
	Internal          = llm.Internal
	NotInitialized    = llm.NotInitialized
	ProviderNotFound  = llm.ProviderNotFound
	ModelNotFound     = llm.ModelNotFound
	Authentication    = llm.Authentication
	RateLimit         = llm.RateLimit
	Quota             = llm.Quota
	BadRequest        = llm.BadRequest
	ContextLength     = llm.ContextLength
	ContentFilter     = llm.ContentFilter
	Timeout           = llm.Timeout
	Unavailable       = llm.Unavailable
	BadResponse       = llm.BadResponse
	StreamInterrupted = llm.StreamInterrupted
	CircuitOpen       = llm.CircuitOpen
	Overloaded        = llm.Overloaded
	AllFailed         = llm.AllFailed
	Unsupported       = llm.Unsupported
	Canceled          = llm.Canceled
)

// User is a message of the user.
func User(text string) Message { return Message{Role: RoleUser, Content: text} }

// System is a message with instructions.
func System(text string) Message { return Message{Role: RoleSystem, Content: text} }

// Assistant is a former answer of the model.
func Assistant(text string) Message { return Message{Role: RoleAssistant, Content: text} }
