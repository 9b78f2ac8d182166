// Package engine carries out what rules want.
//
// # What it promises
//
// Every run ends with an outcome and a reason; of what nobody can tell whether it
// happened, that is the outcome until somebody can. An effect happens once: the request
// is stored before the first attempt, ids follow from run and label, and after a
// lost answer the engine looks whether the effect happened. No run goes on while
// its rule is paused, nor later than its rule allows.
//
//	        the store, with the event            this package
//	change ──Set.Plan──▶ intent ──claim──▶ run ──Decide──▶ sent, or why not
//	                                        ▲        │
//	                                        └────────┘ waits: wait, quiet hours,
//	                                                   a write slot, a breaker,
//	                                                   an error that may pass
//
// [decide.Decide] alone decides what becomes of a run.
//
// # What the caller must do
//
// Give the Dispatcher's jobs to River, let [Dispatcher.KeepWaking] run, and give
// [RuleSet] as the planner to the store. Several replicas may run; they share the store.
//
// # What happens on failure
//
// The engine retries until the run is too old. A permanent error ends the run as
// failed, with a reason for the people who run the space.
package engine
