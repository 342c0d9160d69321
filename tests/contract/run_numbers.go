package contract

import "fmt"

// numbered holds that the number of a call is the same in its answer or error
// ("id_of_call") and in the observations of its attempts ("call").
func (r *run) numbered(verb string, o map[string]any, where string) {
	switch verb {
	case "observe":
		r.calls = map[float64]string{}
	case "observed":
		seen := map[float64]bool{}
		list, _ := o["result"].([]any)
		for _, item := range list {
			observation, _ := item.(map[string]any)
			number, _ := observation["call"].(float64)
			seen[number] = true
		}
		for number, of := range r.calls {
			if !seen[number] {
				r.fail("%s: no observation has the number %v of the call of %s", where, number, of)
			}
		}
		r.calls = nil
	default:
		if r.calls == nil {
			return
		}
		for _, part := range []string{"response", "error"} {
			if document, ok := o[part].(map[string]any); ok {
				number, _ := document["id_of_call"].(float64)
				r.calls[number] = fmt.Sprintf("%s (%s)", where, part)
			}
		}
	}
}
