// Command mutants shows that the contract cases bite. Each mutation in
// mutants.json breaks one clause of the promises by changing one line of the
// core; the scenario that proves this clause must fail then.
//
//	make wall-mutants                  # all of them, some minutes on 2 cores
//	make wall-mutants MUTANTS=Retry    # those whose name, clause or case matches
//
// The source tree is never touched: a mutated file reaches the compiler as an
// overlay, and everything that is written is in a temporary folder. The named
// cases are run through the Go door. A mutant is caught if each of its cases
// fails. What does not compile, hangs or crashes shows nothing about a case,
// and counts like a survivor. First the same cases are run on the core as it
// is: if one fails there, nothing can be learned from it.
//
//	mutations.go  the list, its format and what can be checked without running it
//	run.go        one mutant: overlay, compile, run
//	main.go       the table
package main
