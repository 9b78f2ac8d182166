// Package subscriptions keeps Google's Workspace Events subscriptions as they
// should be: one for each space, or each wider target, that is watched.
//
//	desired (configuration, spaces.list) ┐
//	                                     ├─ Plan (pure) ─▶ actions ─ Manager.Do ─▶ results
//	actual (List, from Google) ──────────┘
//
// A person plans and applies by subscribe-setup; a [Keeper] does the same in
// passes, and renews a subscription once half of its lifetime has passed.
//
// It promises that applying may be repeated, interrupted and done by several at
// once: a subscription that exists already is adopted, one that is as desired is
// left alone. Only a person who has seen the plan replaces or deletes
// subscriptions: a Keeper refuses to, as another environment may be using them.
//
// # What the caller must do
//
// Show the results, and the errors' text: it names the target, the cause and
// what to do.
//
// # What happens on failure
//
// One target's failure doesn't stop the others. Calls wait for their quota, and are
// retried while Google is busy or away, and every mutation is awaited until its operation is done.
package subscriptions
