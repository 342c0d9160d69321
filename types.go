package llmagg

import (
	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// What a call takes.
type (
	// Request is a chat completion request; its Options are the call's.
	Request = llm.Request
	// Message is one message of a request or an answer.
	Message = llm.Message
	// Part is one piece of multi-part content.
	Part = llm.Part
	// Role is the role of a message.
	Role = llm.Role
	// CallOptions are the options of one call: deadline, timeout, strategy, …
	CallOptions = llm.CallOptions
	// Cache answers requests that equal earlier ones; see [WithCache].
	Cache = cache.Cache
	// CacheOptions bound a cache, or give it a store.
	CacheOptions = cache.Options
	// MaxCost bounds what a call may cost.
	MaxCost = llm.MaxCost
	// Budget bounds what many calls cost together; see [NewBudget].
	Budget = llm.Budget
	// ToolCall is a call that the model asks for.
	ToolCall = llm.ToolCall
	// Extra are request or answer fields that this library has no name for.
	Extra = llm.Extra
	// EmbeddingRequest asks for the vectors of texts.
	EmbeddingRequest = llm.EmbeddingRequest
	// RerankRequest asks how well documents fit a query.
	RerankRequest = llm.RerankRequest
)

// What a call gives.
type (
	// Response is a whole answer; Response.Text is its text.
	Response = llm.Response
	// Choice is one of its answers.
	Choice = llm.Choice
	// Usage counts tokens; a nil *Usage is not known.
	Usage = llm.Usage
	// Cost is what a call cost; a nil *Cost is not known.
	Cost = llm.Cost
	// Attempt is one try on one route.
	Attempt = llm.Attempt
	// Stream is a streamed answer.
	Stream = client.Stream
	// Event is one event of a stream.
	Event = llm.Event
	// Chunk is a piece of a streamed answer.
	Chunk = llm.Chunk
	// Restart says that an answer begins again on another route.
	Restart = llm.Restart
	// EmbeddingResponse has the vectors of texts.
	EmbeddingResponse = llm.EmbeddingResponse
	// RerankResponse has documents, the best first.
	RerankResponse = llm.RerankResponse
	// RouteReport is the state of one route.
	RouteReport = llm.RouteReport
	// Observation is one thing that happened during a call.
	Observation = observe.Observation
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
