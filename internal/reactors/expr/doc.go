// Package expr is the language of rules' conditions and texts: CEL over
// [reactors.Facts], with types checked when a rule is loaded.
//
// # What it promises
//
// An expression has no side effects, a bounded cost, and can be interrupted.
// What a placeholder puts into a text can't become markup, a link or a mention
// there, whoever chose it; only a value of the type Mention can.
//
// What is written to hang or fill a worker is turned down when it is loaded: by
// its length, loops inside loops, or the cost that CEL estimates for texts as
// long as Chat's. What is left is stopped at a cost, which is the same at each
// evaluation however busy the machine is.
//
// # What the caller must do
//
// Look up the state that Needs names before evaluating; what is missing reads
// as zero. AtEvent is what can be asked before that.
//
// # What happens on failure
//
// What is wrong with an expression is an [Error] that says where. An evaluation
// that fails or costs too much is an error, never true. Errors quote the rule,
// never values.
//
// # Concurrency
//
// Conditions and templates may be used by any number of goroutines.
package expr
