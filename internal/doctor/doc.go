// Package doctor finds out why no events arrive, or why no rule acts on them.
// It checks everything that has to be right, from the configuration to the
// worker's last heartbeat and the rules. Of each check that fails it says what
// it saw and how to fix it.
//
//	            ┌ answers that several checks judge, fetched once ┐
//	check ──needs──▶ check ──▶ finding: ok, warning, failed, skipped
//
// It promises to change nothing: it reads, and asks Google to validate
// without doing. Each check has a code that never changes its meaning, and a
// heading of that name in docs/doctor. A check fails for one reason only: if it
// needs another check that failed, it is skipped and says so. Only [Probe]
// changes something: it posts a message.
//
// # What the caller must do
//
// Load the configuration and hand over the error, if there is one: it is a
// finding too. Hand over a function that reads the rules, such as that of package readrules.
//
// # What happens on failure
//
// A check that gets no answer in time fails and says so. [Run] itself has no
// error.
//
// # Concurrency
//
// Each check starts as soon as the checks that it needs have ended; several run
// at once. The report is in the order of the list.
package doctor
