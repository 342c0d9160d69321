// Command mutants shows that the contract cases bite. Each mutation in
// mutants.json breaks one clause of the promises by changing one line of the
// core; the scenario that proves this clause must fail then.
//
//	make wall-mutants                  # all of them, some minutes on 2 cores
//	make wall-mutants MUTANTS=Retry    # those whose name, clause or case matches
//
// All mutants are compiled into one test binary. Each mutated function stands
// beside the original one, and the environment variable LLMAGG_MUTANT names the
// one mutant that is run. A mutant that does not compile beside the others has
// a binary of its own. The source tree is never touched: the files with mutants
// reach the compiler as an overlay, and everything that is written is in a
// temporary folder.
//
// Each mutant is run by itself, through the Go door, against its cases. It is
// caught if each of them fails. What does not compile, hangs or crashes shows
// nothing about a case, and counts like a survivor. A second binary holds the
// original text in place of each mutation. Just before the mutant, its cases
// are run there with the same name: if one fails, nothing can be learned from
// it.
//
//	mutations.go  the list, its format and what can be checked without running it
//	switches.go   a file of the core that holds its mutants
//	build.go      the binaries
//	run.go        one mutant: its cases, without the mutation and with it
//	main.go       the table
package main
