// Package expr is the language of rules' conditions and texts: CEL over
// [reactors.Facts], with types checked when a rule is loaded.
//
// # What it promises
//
// An expression has no side effects, a bounded cost, and can be interrupted.
// What a placeholder puts into a text can't become markup, a link or a mention
// there, whoever chose it; only a value of the type Mention can.
//
// # What happens on failure
//
// What is wrong with an expression is an [Error] that says where. An evaluation
// that fails or costs too much is an error, never true.
//
// # Concurrency
//
// Conditions and templates may be used by any number of goroutines.
package expr
