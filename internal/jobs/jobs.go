// Package jobs names the River jobs by which the worker does what comes after
// a commit, and makes the client that works on them.
//
//	store, in the transaction that records the cause ─┐
//	a periodic job, inserted by River's leader ───────┴─▶ river_job ─▶ a worker
//
// It promises that a job is inserted with the change that asks for it or not
// at all, and is worked at least once. Jobs carry references, not state: what
// is to be done is read anew when the job runs, so that one which comes late,
// twice or out of order does no harm.
//
// # What the workers must do
//
// Be idempotent, and end within their Timeout: after it another replica takes
// the job. What takes longer saves its progress and snoozes.
package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Queues. Each has its own bound, so that a long backfill doesn't hold up a
// renewal.
const (
	QueueKeeper   = "keeper"   // one at a time
	QueueBackfill = "backfill" // gaps
	QueueMembers  = "members"  // lists of members
	QueueSilence  = "silence"  // looks at silent spaces
	QueueFetch    = "fetch"    // resources of names-only events
)

// Keep asks for one pass of the keeper. Passes that are asked for in the same
// slot are one job, which starts when the slot has ended: so it sees what all
// who asked have seen.
type Keep struct {
	Slot time.Time `json:"slot"`
}

// Kind implements river.JobArgs.
func (Keep) Kind() string { return "keep" }

// KeepSlot is the length of a slot: how long a reconcile request may wait for others.
const KeepSlot = 5 * time.Second

// KeepOpts are how a Keep is inserted. A slot has one; if it fails a few times,
// the next periodic one will do.
func KeepOpts() river.InsertOpts {
	return river.InsertOpts{Queue: QueueKeeper, MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// InsertKeep asks for a pass in the slot after the one of now, by whichever clock.
func InsertKeep(ctx context.Context, client *river.Client[pgx.Tx], tx pgx.Tx, now time.Time) error {
	slot := now.UTC().Truncate(KeepSlot).Add(KeepSlot)
	opts := KeepOpts()
	opts.ScheduledAt = time.Now().Add(slot.Sub(now))
	if _, err := client.InsertTx(ctx, tx, Keep{Slot: slot}, &opts); err != nil {
		return fmt.Errorf("ask for a pass of the keeper: %w", err)
	}
	return nil
}

// Backfill asks for the repair of one gap of the coverage.
type Backfill struct {
	Gap int64 `json:"gap"`
}

// Kind implements river.JobArgs.
func (Backfill) Kind() string { return "backfill" }

// Members asks for the list of a space's members to be read.
type Members struct {
	Space string `json:"space"` // "spaces/S"
}

// Kind implements river.JobArgs.
func (Members) Kind() string { return "members" }

// MembersOpts are how a Members is inserted: once while one is waiting.
func MembersOpts() river.InsertOpts {
	return river.InsertOpts{Queue: QueueMembers, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

// Silence asks for a check of spaces that have been quiet for longer than usual.
type Silence struct {
	At time.Time `json:"at"`
}

// Kind implements river.JobArgs.
func (Silence) Kind() string { return "silence" }

// Fetch asks for the resource of one item of a names-only event.
type Fetch struct {
	Key       string    `json:"key"` // event_key, a UUID
	Ordinal   int       `json:"ordinal"`
	EventTime time.Time `json:"event_time"`
	ItemKind  string    `json:"item_kind"` // events.Kind
	Resource  string    `json:"resource"`  // full name
	Space     string    `json:"space"`     // "spaces/S"
	Event     string    `json:"event"`     // ce-id
}

// Kind implements river.JobArgs.
func (Fetch) Kind() string { return "fetch" }
