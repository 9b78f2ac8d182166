package scale

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/simulate/workload"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// Size is how much is in a database.
type Size struct {
	Events int // about so many; one of a batch counts as one
	Base   int // deliveries that are recorded; the others are copies of those
	Spaces int // of the base
	People int
	Months int // that the events are spread over
	Full   bool
}

// batch is how many deliveries are recorded in a transaction.
const batch = 500

// Seed fills an empty, migrated database: it records a base, event by event, and
// multiplies it. Until is the time of the newest event.
func Seed(ctx context.Context, dsn string, s Size, until time.Time) error {
	events, err := record(ctx, dsn, s, until)
	if err != nil {
		return err
	}
	if copies := s.Events/events - 1; copies > 0 {
		return clone(ctx, dsn, copies)
	}
	return nil
}

func openStore(ctx context.Context, dsn string) (*store.Store, error) {
	return store.Open(ctx, dsn, store.Options{Timeout: 10 * time.Minute})
}

// record records the base, as a worker would, with what follows from it, and
// returns how many events it has.
func record(ctx context.Context, dsn string, s Size, until time.Time) (events int, err error) {
	db, err := openStore(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	l, rs, err := openLog(db)
	if err != nil {
		return 0, err
	}
	interval := until.Sub(until.AddDate(0, -s.Months, 0)) / time.Duration(s.Base)
	since := until.Add(-newStream(s, until, interval).length(s.Base))
	in := newStream(s, since, interval)
	for done := 0; done < s.Base; done += batch {
		if _, err := l.Record(ctx, in.next(min(batch, s.Base-done))); err != nil {
			return 0, err
		}
	}
	if _, err := rs.Flush(ctx); err != nil {
		return 0, err
	}
	if err := observe(ctx, db, since, until); err != nil {
		return 0, err
	}
	if _, err := db.Exec(ctx, followUp); err != nil {
		return 0, fmt.Errorf("end the runs: %w", err)
	}
	if err := db.Pool().QueryRow(ctx, `SELECT count(*) FROM events`).Scan(&events); err != nil {
		return 0, fmt.Errorf("count what was recorded: %w", err)
	}
	return events, nil
}

// followUp ends most runs, as the engine would, and adds what it leaves behind
// in two weeks, and what fetching does.
const followUp = `
	WITH ended AS (
		UPDATE reactor_runs
		SET outcome = 'sent', finished_at = due_at + interval '2 seconds', admitted_at = due_at + interval '1 second', attempts = 1,
			requests = '[{"name": "send", "done": true}]', trace = '[{"what": "sent"}]'
		WHERE id % 200 <> 0
		RETURNING id, due_at, space, member, reactor, subject
	), own AS (
		INSERT INTO own_messages (made_at, run_id, space, client_id)
		SELECT due_at, id, space, 'client-' || md5(id || ' ' || n)
		FROM ended
		CROSS JOIN generate_series(1, 3) n
	)
	INSERT INTO reactor_records (recorded_at, event_time, key, reactor, space, member, name, value)
	SELECT due_at, due_at, reactor || ' ' || id, reactor, space, member, 'welcomed', 'yes'
	FROM ended;

	INSERT INTO unfetched (event_time, tried_at, event_key, ordinal, kind, resource, space, reason)
	SELECT event_time, event_time, event_key, ordinal, kind, resource, space, 'gone'
	FROM event_log
	WHERE kind = 'reaction' AND verb = 'deleted';

	INSERT INTO reactor_counts (hour, count, shard, shadow, reactor, outcome)
	SELECT c.hour - h * interval '1 hour', c.count, c.shard, c.shadow, c.reactor, c.outcome
	FROM reactor_counts c
	CROSS JOIN generate_series(1, 335) h
	ON CONFLICT DO NOTHING;

	INSERT INTO reactor_daily_counts (day, count, shadow, reactor, outcome)
	SELECT date_trunc('day', c.hour, 'UTC') - d * interval '1 day', c.count, c.shadow, c.reactor, c.outcome
	FROM reactor_counts c
	CROSS JOIN generate_series(14, 399) d
	ON CONFLICT DO NOTHING;

	INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)
	SELECT e.at - h * interval '7 hours', e.event_time - h * interval '7 hours', e.shadow, e.reactor, e.trigger, e.outcome, e.subject,
		e.space, e.member, e.reason
	FROM (SELECT * FROM reactor_evaluations ORDER BY id LIMIT 10) e
	CROSS JOIN generate_series(1, 48) h`

// openLog opens a log with rules: one that acts, others that look at every
// message and say no.
func openLog(db *store.Store) (*eventlog.Log, *runs.Runs, error) {
	set, err := rules.Parse("scale", []byte(`
reactors:
  - {id: welcome, mode: live, on: member.joined, do: [{send: {to: private, text: "Welcome, {{ member.mention }}!"}}]}
  - {id: helper, mode: live, on: message.created, if: "message.text.contains('no such word')", do: [{send: {text: Help}}]}
`), rules.Options{Actions: []reactors.Action{send.New(nil)}})
	if err != nil {
		return nil, nil, err
	}
	rs := runs.New(db)
	l, err := eventlog.New(db, set, rs)
	return l, rs, err
}

// stream makes deliveries of the workload.
type stream struct {
	from   *workload.Generator
	number int
	full   bool
}

func newStream(s Size, since time.Time, interval time.Duration) *stream {
	return &stream{full: s.Full, from: workload.New(1, workload.Options{
		Spaces: s.Spaces, Users: s.People, Start: since, Interval: max(interval, 2*time.Microsecond), Full: s.Full,
	})}
}

// length is how long it takes until so many events have happened.
func (s *stream) length(n int) time.Duration {
	list := s.next(n)
	return list[n-1].PublishTime.Sub(list[0].PublishTime)
}

// Of a full stream every so many deliveries are broken, or tell a name only.
const (
	brokenEvery = 100
	namedEvery  = 50
)

// next is what Pub/Sub would deliver next, at once.
func (s *stream) next(n int) []events.Delivery {
	list := make([]events.Delivery, n)
	for i := range list {
		s.number++
		m := s.from.Next()
		if s.full && s.number%namedEvery == 0 && m.Attributes["ce-type"] == events.TypeName(events.KindMessage, events.VerbCreated) {
			m.Data = nameOnly(m.Data)
		} else if s.full && s.number%brokenEvery == 1 {
			m.Attributes = maps.Clone(m.Attributes)
			m.Attributes["ce-id"], m.Data = m.Attributes["ce-id"]+"broken", m.Data[:len(m.Data)/2]
		}
		d := events.Delivery{
			MessageID: fmt.Sprint(17_622_191_887_000_000 + s.number), Attributes: m.Attributes, Data: m.Data, OrderingKey: m.OrderingKey,
			Origin: events.OriginLive,
		}
		at, err := time.Parse(time.RFC3339Nano, m.Attributes["ce-time"])
		if err == nil {
			d.PublishTime, d.ReceivedAt = at.Add(100*time.Millisecond), at.Add(150*time.Millisecond)
		}
		d.Event, d.Malformed = events.Decode(m.Attributes, m.Data)
		list[i] = d
	}
	return list
}

// nameOnly leaves of a message's payload what a subscription without content tells.
func nameOnly(data []byte) []byte {
	name, _, _ := strings.Cut(string(data), `","sender"`)
	return []byte(name + `"}}`)
}

// observe has every space watched since then, by a subscription of its own.
func observe(ctx context.Context, db *store.Store, since, until time.Time) error {
	cov := coverage.New(db)
	names, err := facts.New(db).Spaces(ctx)
	if err != nil {
		return err
	}
	types := slices.Sorted(maps.Keys(map[string]bool{
		events.TypeName(events.KindMessage, events.VerbCreated): true, events.TypeName(events.KindMembership, events.VerbCreated): true,
	}))
	states := make([]coverage.SubscriptionState, len(names))
	for _, at := range []time.Time{since, until} {
		for i, name := range names {
			states[i] = coverage.SubscriptionState{
				Target: "//chat.googleapis.com/" + name, Scope: name, Name: "subscriptions/" + strings.TrimPrefix(name, "spaces/"), UID: name,
				State: "ACTIVE", EventTypes: types, Managed: true, CreateTime: since, UpdateTime: since, ExpireTime: until.AddDate(0, 0, 7),
				GrantedAt: since, ObservedAt: at,
			}
		}
		if err := cov.Observe(ctx, at, states); err != nil {
			return err
		}
	}
	return nil
}
