// Package replay tells what rules would have done: on recorded history, or on
// the events of a rule file's own tests.
//
// # What it promises
//
// Nothing is sent. The package holds no action and no client, and it knows an
// action only by its Prepare, which is pure. What becomes of a run is decided
// where the worker decides it, by engine.Decide, in virtual time: events, times
// of schedules and runs that fall due are carried out in their order, an event
// before what falls due at the same instant. Claims, limits and groups are kept
// as the store keeps them, but in memory; so once_per, reopening, limits,
// collapsing, sequences and quiet hours come out as they would have been. The
// same history and rules give the same result each time.
//
//	history ─┐              ┌─▶ memory: claims, limits, groups
//	cases ───┴─▶ machine ───┤
//	             a clock    └─▶ engine.Decide ──▶ entries
//
// # What it can't know
//
// A replay begins with nothing done: what was claimed before its window doesn't
// count. Names of spaces and people are those of now, and so is the list of
// spaces for schedules that name none. Whether Google would have taken a
// message, and how long it would have waited for its turn, is not foretold.
//
// # What the caller must do
//
// Give it a Set whose actions need not be able to act. Hold on to the Result as
// to messages: its requests are full of texts.
//
// # What happens on failure
//
// An error is about the past, such as a database that is away, and ends the
// replay. What is wrong with a rule is an entry that has failed.
//
// # Concurrency
//
// Each call is one goroutine's; calls don't share anything.
package replay
