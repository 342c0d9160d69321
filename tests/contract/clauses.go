package contract

import "github.com/llmagg/llmagg/core/llm"

// clauseCounts are the numbered clauses of the promises, by their letter.
var clauseCounts = []struct {
	letter string
	count  int
}{{"E", 3}, {"D", 6}, {"R", 6}, {"B", 6}, {"C", 3}, {"S", 10}, {"T", 4}, {"L", 5}, {"O", 3}}

// Clauses lists what a case may say it proves: each numbered clause ("R2"),
// and each row of the table of errors ("E:RATE_LIMIT").
func Clauses() []string {
	var all []string
	for _, c := range clauseCounts {
		for n := range c.count {
			all = append(all, c.letter+itoa(n+1))
		}
	}
	for _, code := range llm.Codes() {
		all = append(all, "E:"+code.String())
	}
	return all
}

// Unproved lists the clauses that no case says it proves.
func Unproved(cases []*Case) []string {
	proved := map[string]bool{}
	for _, c := range cases {
		for _, clause := range c.Clauses {
			proved[clause] = true
		}
	}
	var missing []string
	for _, clause := range Clauses() {
		if !proved[clause] {
			missing = append(missing, clause)
		}
	}
	return missing
}
