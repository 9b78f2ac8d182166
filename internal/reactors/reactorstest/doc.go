// Package reactorstest is what every action has to pass: [Action] runs one
// check after another, each against an [Env] of its own.
//
// # What it promises
//
// An action that passes keeps the contract of [reactors.Action]: Prepare is
// pure, the effect takes place exactly once whatever becomes of answers,
// processes and contexts, errors say truthfully whether a retry can help, and
// nothing confidential is in what people get to see. The suite's own tests run
// it on broken actions and want each of them to be caught.
//
// # What the caller must do
//
// Build an Env around the real action, and a fake of the other side that is
// no kinder than the real one. Plant the canary in every text, name and secret.
//
// Where the other side alone can tell repetitions apart, as a webhook's
// receiver does by the webhook-id, Effects counts as that side has to: distinct
// ids, not requests.
//
// # What happens on failure
//
// The subtest that fails is named after the promise that was broken.
//
// # Concurrency
//
// Checks run in parallel, each in its own Env. One check calls Act from
// several goroutines.
package reactorstest
