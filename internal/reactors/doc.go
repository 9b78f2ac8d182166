// Package reactors declares the types of everything that acts on events.
//
//	Change    one item of an event, as it was recorded
//	Trigger   what a rule waits for, in users' words
//	Facts     what conditions and texts can name
//	Intent    what a rule makes of a change: runs to claim, or why there are none
//	Run       one step of a rule for one subject, on its way to an Outcome
//	Action    something that a rule can do
//
// The way of a run, and who owns each part:
//
//	Change ─▶ rules: Plan ─▶ Intent ─▶ store: claim, in the event's transaction ─▶ Run, pending
//	  Run, due ─▶ engine: Decide ─▶ rules: Render ─▶ Requests, stored ─▶ Action: Act ─▶ sent
//	                                   └─▶ left, condition_false, quiet, rate_limited, too_old, failed, …
//	  the trigger is pulled again ─▶ a run in which nothing was done is pending again
//
// expr is the language of conditions and texts, replay asks the same rules about
// the past, and every other package below this one is an action.
//
// # What is promised
//
// A run exists if and only if its event is committed, and at most one for each
// rule, subject, step and mode. What an attempt sends is stored before the first
// attempt and is the same for all; [Action] says what an action must do for that.
package reactors
