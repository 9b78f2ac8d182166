package analytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Event is an item of the log, as tail prints it. It holds no message text.
type Event struct {
	Time       time.Time `json:"event_time"`
	ReceivedAt time.Time `json:"received_at"`
	Type       string    `json:"type"` // "message.created"
	Space      string    `json:"space,omitempty"`
	SpaceName  string    `json:"space_name,omitempty"`
	Actor      string    `json:"actor,omitempty"`
	ActorName  string    `json:"actor_name,omitempty"`
	Resource   string    `json:"resource"`
	Origin     string    `json:"origin"` // live or backfill
	Key        string    `json:"event_key"`
	Ordinal    int       `json:"ordinal"`
}

const (
	pollEvery = time.Second
	awayPause = 5 * time.Second
	// maxParts is how many parts the log may be in before all of it is read again.
	maxParts = 500
	// maxShown is how many of the newest events are remembered, because the log
	// may get a better copy of each.
	maxShown = 100_000
)

// depths are how far back a poll looks for what is recorded late. The last is how
// old an event may be that is still recorded.
var depths = []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 40 * 24 * time.Hour}

// Follow tells each event that is recorded from now on, until ctx ends. While the
// database is away it waits, and calls away once. An error of tell ends it.
//
// An event is new if its transaction was not visible in the snapshot of the poll
// before, and is now: no order of commits changes that. Polls look at events of the
// last minute; only when the server has counted more rows than polls have seen, do
// they look further back, step by step.
func Follow(ctx context.Context, db *store.Store, tell func(Event) error, away func(error)) error {
	f := follower{db: db, shown: map[string]bool{}}
	absent := false
	for ctx.Err() == nil {
		pause := pollEvery
		err := f.poll(ctx, tell)
		if ctx.Err() != nil {
			err = nil // that it was stopped is no failure
		}
		switch {
		case err == nil:
			absent = false
		case !IsAway(err):
			return err
		default:
			if !absent {
				away(store.ExplainConnecting(err))
			}
			absent, pause = true, awayPause
		}
		_ = gax.Sleep(ctx, pause)
	}
	return nil
}

// part is events of a time, up to the next part's, and what was visible when they
// were read last.
type part struct {
	from time.Time
	seen string // as pg_snapshot is written
}

// follower is what has been read.
type follower struct {
	db    *store.Store
	parts []part // oldest first; none before the first poll

	shown map[string]bool // keys of events
	order []string        // of shown, oldest first

	next    int64 // the newest poll's next transaction
	depth   int   // how far back the next poll looks
	written int64 // versions of rows that the server has counted
	read    int64 // and that were read, or were there before
}

// poll tells what is new.
func (f *follower) poll(ctx context.Context, tell func(Event) error) error {
	written, err := f.count(ctx)
	if err != nil {
		return err
	}
	if written < f.written { // the count was lost, or a month was dropped
		f.read = 0
	}
	f.written = written
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, f.db.Pool(), options, func(tx pgx.Tx) error {
		var now time.Time
		var snapshot string
		var next int64
		// Whoever reads what is told may stop for a while, but not keep old rows alive for ever.
		if err := tx.QueryRow(ctx, `
			SELECT now(), pg_current_snapshot()::text, pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
				set_config('statement_timeout', '15min', true)`).Scan(&now, &snapshot, &next, nil); err != nil {
			return fmt.Errorf("follow the log: %w", err)
		}
		deepest := f.depth == len(depths)-1
		switch {
		case len(f.parts) == 0:
			f.parts, f.read, f.next = []part{{time.Time{}, snapshot}}, written, next
			return nil
		case next < f.next:
			return errors.New("follow the log: the database has been put back to an earlier state: begin anew")
		}
		f.next = next
		from := now.Add(-depths[f.depth]).Truncate(time.Minute)
		n, err := f.scan(ctx, tx, from, next, tell)
		if err != nil {
			return err
		}
		f.read += n
		f.advance(part{from, snapshot}, now)
		switch {
		case deepest: // what isn't there now was rolled back
			f.read = max(f.read, written)
			f.depth = 0
		case written > f.read || len(f.parts) > maxParts:
			f.depth++
		default:
			f.depth = 0
		}
		return nil
	})
}

// count is how many versions of rows transactions that have ended wrote into the
// log, as far as the server knows: it hears of them up to a minute late.
func (f *follower) count(ctx context.Context) (n int64, err error) {
	err = f.db.Pool().QueryRow(ctx, `
		SELECT COALESCE(sum(pg_stat_get_tuples_inserted(i.inhrelid) + pg_stat_get_tuples_updated(i.inhrelid)), 0)::bigint
		FROM pg_inherits i
		WHERE i.inhparent = 'events'::regclass`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("follow the log: %w", err)
	}
	return n, nil
}

// advance notes that all from a time on was read as of a snapshot. What is older
// than any event that is recorded is forgotten.
func (f *follower) advance(p part, now time.Time) {
	for len(f.parts) > 1 && !f.parts[len(f.parts)-1].from.Before(p.from) {
		f.parts = f.parts[:len(f.parts)-1]
	}
	f.parts = append(f.parts, p)
	for len(f.parts) > 1 && f.parts[1].from.Before(now.Add(-depths[len(depths)-1]).Add(-time.Hour)) {
		f.parts = f.parts[1:]
	}
}

// scan tells what became visible of the events from a time on, and returns how
// many rows that were.
func (f *follower) scan(ctx context.Context, tx pgx.Tx, from time.Time, next int64, tell func(Event) error) (n int64, err error) {
	var froms, tos []pgtype.Timestamptz
	var seen []string
	for i, p := range f.parts {
		to := pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
		if i+1 < len(f.parts) {
			to = pgtype.Timestamptz{Time: f.parts[i+1].from, Valid: true}
			if !to.Time.After(from) {
				continue
			}
		}
		if p.from.Before(from) {
			p.from = from
		}
		froms, tos, seen = append(froms, pgtype.Timestamptz{Time: p.from, Valid: true}), append(tos, to), append(seen, p.seen)
	}
	// A row's xmin has 32 of the 64 bits of its transaction's number; what is older than
	// all that ran at the time of the snapshot needs no closer look.
	rows, err := tx.Query(ctx, `
		SELECT e.event_time, e.received_at, t.kind || '.' || t.verb, COALESCE(p.space, ''), COALESCE(p.display_name, ''),
			COALESCE(u.user_name, ''), COALESCE(u.display_name, ''), full_name(e.resource, p.space),
			CASE e.origin WHEN 'l' THEN 'live' ELSE 'backfill' END, e.event_key::text, e.ordinal
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::text[]::pg_snapshot[]) AS part (from_time, to_time, seen)
		JOIN events e ON e.event_time >= part.from_time AND e.event_time < part.to_time
		JOIN event_types t ON t.id = e.type_id
		LEFT JOIN spaces p ON p.id = e.space_id
		LEFT JOIN users u ON u.id = e.actor_id
		WHERE $4 - (($4 - e.xmin::text::bigint) & 4294967295) >= pg_snapshot_xmin(part.seen)::text::bigint
			AND NOT pg_visible_in_snapshot(($4 - (($4 - e.xmin::text::bigint) & 4294967295))::text::xid8, part.seen)
		ORDER BY e.event_time, e.event_key, e.ordinal`, froms, tos, seen, next)
	if err != nil {
		return 0, fmt.Errorf("follow the log: %w", err)
	}
	var e Event
	_, err = pgx.ForEachRow(rows, []any{
		&e.Time, &e.ReceivedAt, &e.Type, &e.Space, &e.SpaceName, &e.Actor, &e.ActorName, &e.Resource, &e.Origin, &e.Key, &e.Ordinal,
	}, func() error {
		n++
		if f.remember(fmt.Sprint(e.Key, e.Ordinal)) {
			return tell(e)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("follow the log: %w", err)
	}
	return n, nil
}

// remember reports whether an event wasn't told before.
func (f *follower) remember(key string) bool {
	if f.shown[key] {
		return false
	}
	f.shown[key], f.order = true, append(f.order, key)
	if len(f.order) > maxShown {
		delete(f.shown, f.order[0])
		f.order = f.order[1:]
	}
	return true
}

// IsAway reports whether the database can't be reached or doesn't work, which
// ends by itself.
func IsAway(err error) bool {
	var refused *pgconn.PgError
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &refused):
		class := refused.Code[:2]
		return class == "08" || class == "53" || class == "57" // connection, resources, shutdown
	case errors.As(err, &connecting), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	return pgconn.Timeout(err) || errors.Is(err, net.ErrClosed)
}

// Filter leaves the events that are wanted.
type Filter struct {
	Space string   // "spaces/S"; "" for all
	Types []string // such as message, message.created or member.*; none for all
}

// Check errs for a type that no event has, and names the nearest that some have.
func (f Filter) Check() error {
	for _, pattern := range f.Types {
		if types, ok := triggers[pattern]; ok {
			return fmt.Errorf("that is what rules call it: events are of the type %s", types)
		}
		pattern = logged(pattern)
		kind, _, _ := strings.Cut(pattern, ".")
		isKind := func(k string) bool { return matches(kind, k) }
		if events.IsShort(pattern) || strings.Contains(pattern, "*") && slices.ContainsFunc(events.Kinds(), isKind) {
			continue
		}
		known := events.Kinds()
		for _, name := range events.TypeNames(events.OfSpaces | events.OfUsers | events.OfCustomers) {
			known = append(known, events.ShortType(name))
		}
		if near := strictyaml.Nearest(pattern, known); near != "" {
			return fmt.Errorf("no event is of that type: did you mean %s?", near)
		}
		return fmt.Errorf("no event is of that type: want one of %s, perhaps with a verb, such as message.created or message.*",
			strings.Join(events.Kinds(), ", "))
	}
	return nil
}

// triggers are words of rules for what several types of events may tell.
var triggers = map[string]string{
	"member.joined": "member.created, or member.updated where an invitation was accepted", "member.left": "member.deleted",
	"member.role_changed": "member.updated", "group.added": "member.created", "group.removed": "member.deleted",
	"message.edited": "message.updated", "reaction.added": "reaction.created", "reaction.removed": "reaction.deleted",
}

// logged is a type as the log calls it: rules say member.
func logged(pattern string) string {
	if kind, rest, _ := strings.Cut(pattern, "."); kind == "member" {
		return strings.TrimSuffix(string(events.KindMembership)+"."+rest, ".")
	}
	return pattern
}

// Wants reports whether an event is left.
func (f Filter) Wants(e *Event) bool {
	if f.Space != "" && f.Space != e.Space {
		return false
	}
	return len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(pattern string) bool {
		pattern = logged(pattern)
		kind, _, _ := strings.Cut(e.Type, ".")
		return matches(pattern, e.Type) || matches(pattern, kind)
	})
}

func matches(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return ok && err == nil
}
