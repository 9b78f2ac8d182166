// Package doctor finds out why no events arrive, or why no rule acts on them,
// before somebody spends a day on it: it looks at everything that has to be
// right, from the configuration to the worker's last sign of life and the
// rules, and says of each thing that isn't what was seen and how to mend it.
//
//	            ┌ answers that several checks judge, fetched once ┐
//	check ──needs──▶ check ──▶ finding: ok, warning, failed, skipped
//
// It promises to change nothing: it reads, and asks Google to validate
// without doing. Each check has a code that never changes its meaning, and a
// heading of that name in docs/doctor. Whether it fails depends on its own
// subject only: what rests on something that failed is skipped and says why.
// Only [Probe] does something: it posts a message.
//
// # What the caller must do
//
// Load the configuration and hand over the error, if there is one: it is a
// finding too. Hand over a function that reads the rules, such as [ReadRules].
//
// # What happens on failure
//
// A check that gets no answer in time fails and says so. [Run] itself has no
// error.
//
// # Concurrency
//
// Checks run at the same time as soon as those that they need are done; the
// report is in the order of the list.
package doctor
