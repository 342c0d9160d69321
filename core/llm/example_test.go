package llm_test

import (
	"fmt"

	"github.com/llmagg/llmagg/core/llm"
)

// What goes over the wire is checked and encoded once.
func ExampleRequest_Payload() {
	request := &llm.Request{Messages: []llm.Message{{Role: "robot", Content: "hi"}}}
	_, err := request.Payload()
	fmt.Println(err)

	request.Messages[0].Role = llm.RoleUser
	payload, err := request.Payload()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", payload.AppendBody(nil, "gpt-4o", true, false))
	// Output:
	// INVALID_ARGUMENT: messages[0].role is "robot"; expected system, developer, user, assistant, tool or function
	// {"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true}
}
