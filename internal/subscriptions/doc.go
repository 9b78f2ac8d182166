// Package subscriptions keeps Google's Workspace Events subscriptions as they
// should be: one for each space that is watched.
//
//	desired (the configuration) ┐
//	                            ├─ Plan (pure) ─▶ actions ─ Manager.Do ─▶ results
//	actual (List, from Google) ─┘
//
// It promises that Apply may be repeated, interrupted and run by several at
// once: what exists already is adopted, what is right is left alone, and
// nothing is ever deleted or replaced by itself.
//
// # What the caller must do
//
// Show the results, and the errors' text: it names the space, the cause and
// what to do. Renewal isn't done here; a subscription ends at its ExpireTime.
//
// # What happens on failure
//
// One space's failure doesn't stop the others. Calls are retried while Google is busy
// or away, and every mutation is awaited until its operation is done.
package subscriptions
