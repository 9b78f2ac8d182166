// Package rules is the file reactors.yaml: it reads and checks rules, decides
// which runs an event asks for, and renders what a run does.
//
// # What it promises
//
// A file is taken whole or not at all: Parse answers with a Set, or with an
// [Error] that names all its mistakes, each with its line, a caret and, where
// there is one, a way out. Whatever is in a Set has been checked: no
// condition, text, time zone or parameter is looked at for the first time when
// an event arrives. Deciding is pure and fast: an event that no rule waits for
// costs a look-up, and the same event always leads to the same intents.
//
// # What the caller must do
//
// Give Parse the actions that rules may use, and keep the last good Set when a
// file is refused. Look a run's rule up by its id and space, as overrides make
// a rule differ from one space to another.
//
// An action's parameter named of is taken for the id of another action of the
// rule, and checked. Fields of parameters with the tag yaml:"-" are for what
// Check finds out, such as a file's digest: they count for the rule's hash.
//
// # What happens on failure
//
// A condition that can't be evaluated when an event arrives becomes an intent
// that has failed, with the reason. A text that can't be rendered is an error
// that no retry can mend. Errors never hold what people wrote.
//
// # Concurrency
//
// A Set, its rules and their parts don't change: any number of goroutines may
// use them.
package rules
