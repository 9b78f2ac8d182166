// Package engine carries out what rules want.
//
// # What it promises
//
// Every run comes to an outcome with a reason. An effect takes place once: the
// request is stored before the first attempt, ids follow from what is to be
// done, and an unclear outcome is settled by looking. No run goes on while its
// rule is paused, nor later than its rule allows.
//
//	        the store, with the event            this package
//	change ──Set.Plan──▶ intent ──claim──▶ run ──Decide──▶ sent, or why not
//	                                        ▲        │
//	                                        └────────┘ waits: wait, quiet hours,
//	                                                   its space's turn, a breaker,
//	                                                   an error that may pass
//
// [Decide] is the one place where it is decided what becomes of a run whose turn
// has come. The [Dispatcher] asks it about the present, a replay about the past:
// so a replay's answer is what would have been done.
//
// # What the caller must do
//
// Give the Dispatcher's jobs to River, and [RuleSet] as the planner to the store.
// Several replicas may run; they share the store.
//
// # What happens on failure
//
// What a retry can mend is retried until the run is too old. What it can't ends
// the run as failed, with a reason for the people who run the space.
package engine
