// Package eventlog records events in Postgres: in one transaction the log, the
// projections that follow from it, the quarantine, and what rules want done.
// Its rooms hold one part each:
//
//	items         what the rooms hand each other: an item, its key, its version
//	numbers       of names, before the transaction
//	projections   spaces, users, messages, reactions; their rebuilding
//	memberships   who is where, and what a change meant
//	quarantine    what can't be recorded
//	payload       the bytes, compressed
//	refusal       whose fault a refused statement is
//	originals     reads events as they were received
//	history       reads what happened as rules were asked about it
//	facts         reads what rules need to know beyond their event
//
// # What it promises
//
// [Log.Record] commits a batch of deliveries in one transaction: each event
// once, however often it is delivered; the projections; the reactor runs with
// their River jobs. When it returns an outcome other than events.Unsettled,
// that delivery is committed and may be acknowledged. Projections end up the
// same whatever order events arrive in.
//
// # What the caller must do
//
// Try again what came back unsettled, with the same delivery; never drop it.
// Pass a context that outlives a shutdown long enough for a commit.
//
// # Failure
//
// An error of Record means that the database was away, busy or wrong: nobody
// is to blame but the database, and nothing is lost. A COMMIT whose reply got
// lost is harmless: the second try finds every event recorded. A delivery that
// the database refuses for its content is found by halving the batch: the log
// keeps it alone, marked in unapplied_events, if a projection refused it; else
// it goes to the quarantine. The others are recorded. If more is refused than
// content explains, it comes back unsettled.
//
// # Concurrency
//
// All methods may be called from any goroutine and by any number of replicas.
// Names get their numbers in a transaction of their own before: event_types,
// event_sources, spaces, users. Every other transaction takes its locks in one
// order: events, that of projections (projection_locks: a rebuild has it alone), spaces, users, that of the places of messages
// (projection_locks: who doesn't know when a message was sent has it alone), stored_messages, stored_reactions, stored_memberships,
// stored_membership_changes, reactor_runs, river_job; within a table by key. So two of them never wait for each other in a circle.
package eventlog

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/history"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/numbers"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/quarantine"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// Claimer adds to a transaction the runs that events ask for, and is told after
// the commit which evaluations led to none: those that Claim returned, and refusals.
type Claimer interface {
	Claim(ctx context.Context, tx pgx.Tx, intents []reactors.Intent) (ended []reactors.Intent, err error)
	Wake(ctx context.Context, tx pgx.Tx, wakes []reactors.Wake) error
	Evaluated(ended []reactors.Intent, refused []reactors.Refusal)
}

// Log is the event log. Create it with [New].
type Log struct {
	facts.Reader
	memberships.Lists
	*history.Changes
	*originals.Originals
	*partitions.Partitions

	db      *store.Store
	pool    *pgxpool.Pool
	planner reactors.Planner
	claimer Claimer

	payloads *payload.Codec
	numbers  *numbers.Numbers

	patience refusal.Patience
	erasures erasures
	reports  quarantine.Reports

	prepareOnce sync.Mutex
	prepared    bool
}

// New returns the event log in a database, and closes with it. planner is asked
// what events lead to and claimer keeps its answers; without a planner nothing
// reacts.
func New(db *store.Store, planner reactors.Planner, claimer Claimer) (*Log, error) {
	payloads, err := payload.NewCodec()
	if err != nil {
		return nil, err
	}
	read := originals.New(db, payloads)
	l := &Log{
		Reader: facts.New(db), Lists: memberships.NewLists(db), Changes: history.New(db, read), Originals: read,
		Partitions: partitions.New(db.Pool()),
		db:         db, pool: db.Pool(), planner: planner, claimer: claimer, payloads: payloads, numbers: numbers.New(),
	}
	db.Attach(l.numbers.Forget, payloads.Close)
	return l, nil
}

// prepare does once what Record relies on: the payload dictionary and the
// months around now.
func (s *Log) prepare(ctx context.Context) error {
	s.prepareOnce.Lock()
	defer s.prepareOnce.Unlock()
	if s.prepared {
		return nil
	}
	if err := s.payloads.Publish(ctx, s.pool); err != nil {
		return err
	}
	if err := s.EnsurePartitions(ctx, s.db.Now()); err != nil {
		return err
	}
	s.prepared = true
	return nil
}
