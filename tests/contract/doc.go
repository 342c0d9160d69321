// Package contract runs one set of cases through every door of the library: Go,
// C and Python. A case is a JSON document (see README.md): how the wall
// misbehaves, which calls are made, what the caller must get and what the wall
// must have seen. Everything that judges exists once, here; a door only makes
// calls and tells what came back.
//
//	case.go         the format of a case, strict loading
//	clauses.go      the clauses that a case may say it proves
//	text.go         placeholders and generated texts
//	pattern.go      does a document match what was expected
//	command.go      what a door is told and what it tells
//	door_go.go      the Go door, in this process; custom_go.go: its custom routes
//	door_process.go the doors that are programs: doors/c, doors/python
//	outcome.go      what one call came to, as a document
//	seen.go         what the wall saw, as a document
//	run.go          a case through a door, step by step
//	scorecard.go    all results as a table, and as a page
package contract
