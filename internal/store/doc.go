// Package store keeps everything in Postgres: the event log, what follows
// from it, the quarantine and the ledger of reactor runs.
//
// # What it promises
//
// [Store.Record] commits a batch of deliveries in one transaction: each event
// once, however often it is delivered; the projections; the reactor runs with
// their River jobs. When it returns an outcome other than events.Unsettled,
// that delivery is committed and may be acknowledged. Projections end up the
// same whatever order events arrive in.
//
// # What the caller must do
//
// Try again what came back unsettled, with the same delivery; never drop it.
// Pass a context that outlives a shutdown long enough for a commit. Apply the
// schema with [Migrate] and check it with [Store.CheckSchema] before the
// first Record.
//
// # Failure
//
// An error of Record means that the database was away, busy or wrong: nobody
// is to blame but the database, and nothing is lost. A COMMIT whose reply got
// lost is harmless: the second try finds every event recorded. A delivery that
// the database refuses for its content is found by halving the batch and goes
// to the quarantine; the others are recorded.
//
// # Concurrency
//
// All methods may be called from any goroutine and by any number of replicas.
// Names get their numbers in a transaction of their own before: event_types,
// event_sources, spaces, users. Every other transaction takes its locks in one
// order: events, spaces, users, messages, reactions, memberships, membership_changes, reactor_runs, river_job; within
// a table by key; events by time first. So two of them never wait for each other in a circle.
package store
