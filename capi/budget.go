package main

// #include "shim.h"
import "C"

import (
	"github.com/llmagg/llmagg/core/llm"
)

// budgets are those of the process, by name.
var budgets llm.Budgets

// callOptions reads the options of a call.
func callOptions(text []byte) (llm.CallOptions, error) {
	o, err := llm.ParseCallOptions(text)
	if err == nil {
		err = budgets.Resolve(&o)
	}
	return o, err
}

//export goBudgetSet
func goBudgetSet(which *C.char, nameLen C.size_t, limit *C.char, limitLen C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_budget_set", err, func() error {
		of, e := name("name", which, nameLen)
		if e != nil {
			return e
		}
		return budgets.Set(of, borrow(limit, limitLen))
	})
}
