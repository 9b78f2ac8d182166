// Package replay tells what rules would have done: on recorded history, or on
// the events of a rule file's own tests.
//
// # What it promises
//
// A replay sends nothing: the package has no client, and of an action it calls only
// Prepare, which is pure. As in the worker, decide.Decide decides what becomes of a
// run, in virtual time: events, times of schedules and due runs follow in order, an
// event before what is due at the same instant. The memory keeps claims, limits and
// groups as the store does; so once_per, reopening, limits, collapsing, sequences
// and quiet hours come out as they would have. The same history and rules give the
// same result each time.
//
//	history ─┐              ┌─▶ memory: claims, limits, groups
//	cases ───┴─▶ machine ───┤
//	             a clock    └─▶ decide.Decide ──▶ entries
//
// # What it can't know
//
// A replay begins with nothing done: claims from before its window don't count. It
// uses today's names of spaces and people, and today's list of spaces for schedules
// that name none. What depends on a message that isn't recorded, which a worker would
// read from Chat, is unclear; whether somebody is external counts as unknown where it
// isn't recorded. It doesn't foretell whether Google would have taken a message, or
// how long a message would have waited for its write slot.
//
// # What the caller must do
//
// Give it a Set; its actions need not be able to act. Treat the Result as you treat
// messages: its requests are full of texts.
//
// # What happens on failure
//
// An error is about the past, such as an unreachable database, and ends the replay.
// A mistake in a rule is an entry that has failed.
//
// # Concurrency
//
// Each call runs in one goroutine; calls share nothing.
package replay
