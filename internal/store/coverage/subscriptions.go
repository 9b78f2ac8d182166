package coverage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// SubscriptionState is the state of a Workspace Events subscription after a pass
// of the keeper. Zero times are unknown; all are by Google's clock.
type SubscriptionState struct {
	Target          string // full resource name of what is watched
	Scope           string // "spaces/S", or "spaces/-", "users/U", "customers/C"
	Name            string // "subscriptions/S", "" if there is none
	UID             string
	Topic           string // "projects/P/topics/T"
	FieldMask       string // which parts its events carry; "" for all
	State           string // ACTIVE, SUSPENDED or DELETED; "" if there is none
	Reason          string // of a suspension, in Google's words, or why it is parked
	Remedy          string // what a person has to do
	Error           string // of the last failed action
	Lapse           string // why it was not ACTIVE until this pass changed it
	EventTypes      []string
	Managed         bool // false: others created it on our topic
	Parked          bool // a person has to mend something
	IncludeResource bool
	Touched         bool // only this pass changed it since the last pass that wanted it, or since it was created
	Elsewhere       bool // its events go to another topic than ours
	CreateTime      time.Time
	UpdateTime      time.Time
	ExpireTime      time.Time
	GrantedAt       time.Time // when the present lifetime was granted
	NextTry         time.Time // when a suspended one is tried again
	Tries           int       // failures in a row
	ObservedAt      time.Time // when this was its state: that of the pass, or after it, if the pass changed it
	ConfirmedAt     time.Time // when it last delivered; set by SubscriptionStates
}

// Observe saves the states that a pass found, and changes the coverage of each
// target's scope: it closes intervals that ended, and inserts a job for each gap
// that ended. states are all that were wanted or existed at the given time: a
// target that isn't among them, or only as others', is retired. A state that is
// older than the saved one, or than the newest pass, is dropped. What is as it was
// isn't written; that it still is stands once, as the time of the pass.
// It also requests the members of watched spaces that weren't listed for a day.
func (s *Coverage) Observe(ctx context.Context, at time.Time, states []SubscriptionState) error {
	at = store.Microseconds(at)
	states = slices.Clone(states)
	slices.SortFunc(states, func(x, y SubscriptionState) int { return cmp.Compare(x.Target, y.Target) })
	err := s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		last, before, err := readObserved(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.retire(ctx, tx, at, states); err != nil {
			return err
		}
		for i := range states { // as precise as saved times
			n := &states[i]
			n.ObservedAt, n.CreateTime = store.Microseconds(n.ObservedAt), store.Microseconds(n.CreateTime)
			n.UpdateTime = store.Microseconds(n.UpdateTime)
		}
		fresh := slices.DeleteFunc(states, func(n SubscriptionState) bool {
			return !n.ObservedAt.After(latest(last, before[n.Target].at))
		})
		if err := s.moveCoverage(ctx, tx, before, fresh); err != nil {
			return err
		}
		if err := writeStates(ctx, tx, at, fresh); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO keeper_passes AS p (listed_at, first_expiry, states)
			SELECT $1, min(expire_time) FILTER (WHERE managed AND state IN ('ACTIVE', 'SUSPENDED')),
				json_build_object(
					'active', count(*) FILTER (WHERE managed AND NOT parked AND state = 'ACTIVE'),
					'suspended', count(*) FILTER (WHERE managed AND NOT parked AND state = 'SUSPENDED'),
					'deleted', count(*) FILTER (WHERE managed AND NOT parked AND state = 'DELETED'),
					'missing', count(*) FILTER (WHERE managed AND NOT parked AND state IS NULL),
					'parked', count(*) FILTER (WHERE managed AND parked),
					'foreign', count(*) FILTER (WHERE NOT managed)
				)
			FROM subscription_states
			ON CONFLICT (single) DO UPDATE SET
				listed_at = GREATEST(p.listed_at, excluded.listed_at),
				first_expiry = excluded.first_expiry,
				states = excluded.states`, at); err != nil {
			return err
		}
		return s.requestMembers(ctx, tx, at)
	})
	if err != nil {
		return fmt.Errorf("save the states of %d subscriptions: %w", len(states), err)
	}
	return nil
}

// Forget ends the coverage of all targets, as Observe does of those that aren't wanted
// any more: the last one is, and nobody looks again.
func (s *Coverage) Forget(ctx context.Context, at time.Time) error {
	err := s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.retire(ctx, tx, store.Microseconds(at), nil); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			UPDATE keeper_passes
			SET first_expiry = NULL, states = NULL
			WHERE states IS NOT NULL`)
		return err
	})
	if err != nil {
		return fmt.Errorf("end the coverage of what is kept no more: %w", err)
	}
	return nil
}

// retire ends the coverage of targets that nobody wants any more, as of the last
// observation while they were wanted, and has an open gap repaired up to then.
// States of targets that have no subscription any more are deleted; a
// subscription that still exists has no coverage.
func (s *Coverage) retire(ctx context.Context, tx pgx.Tx, at time.Time, states []SubscriptionState) error {
	present := store.Column(states, func(n *SubscriptionState) string { return n.Target })
	wanted := store.Column(states, func(n *SubscriptionState) bool { return n.Managed })
	rows, _ := tx.Query(ctx, `
		WITH present AS (
			SELECT target, wanted
			FROM unnest($1::text[], $2::boolean[]) AS p (target, wanted)
		), unwanted AS (
			SELECT s.target, s.scope, `+observedAt+` AS observed_at, `+confirmedAt+` AS confirmed_at
			`+fromStates+`
			WHERE `+observedAt+` < $3
				AND NOT EXISTS (SELECT FROM present p WHERE p.target = s.target AND p.wanted)
		), gone AS (
			DELETE FROM subscription_states s
			USING unwanted u
			WHERE s.target = u.target
				AND NOT EXISTS (SELECT FROM present p WHERE p.target = s.target)
		)
		UPDATE coverage c
		SET to_time = GREATEST(c.from_time, CASE c.source WHEN 'live' THEN u.confirmed_at ELSE u.observed_at END),
			repair = CASE c.source WHEN 'gap' THEN 'pending' END
		FROM unwanted u
		WHERE c.scope = u.scope AND c.to_time IS NULL
		RETURNING c.id, c.source`, present, wanted, at)
	var id int64
	var source string
	var ended []int64
	if err := store.Each(rows, []any{&id, &source}, func() {
		if source == SourceGap {
			ended = append(ended, id)
		}
	}); err != nil {
		return fmt.Errorf("retire targets: %w", err)
	}
	return s.requestRepair(ctx, tx, ended)
}

// When a state was last seen, and when its subscription was last sure to deliver,
// of the rows that fromStates joins.
const (
	fromStates  = `FROM subscription_states s LEFT JOIN keeper_passes p ON true`
	observedAt  = `GREATEST(s.observed_at, p.listed_at)`
	confirmedAt = `CASE WHEN s.delivers THEN GREATEST(s.confirmed_at, p.listed_at) ELSE s.confirmed_at END`
)

// readObserved returns the time of the newest pass, and what is known of each target.
func readObserved(ctx context.Context, tx pgx.Tx) (pass time.Time, before map[string]observed, err error) {
	if err := tx.QueryRow(ctx, `SELECT max(listed_at) FROM keeper_passes`).Scan(store.Nullable(&pass)); err != nil {
		return pass, nil, err
	}
	before = map[string]observed{}
	rows, _ := tx.Query(ctx, `
		SELECT s.target, `+observedAt+`, `+confirmedAt+`, s.expire_time
		`+fromStates)
	var target string
	var last observed
	targets := []any{&target, &last.at, store.Nullable(&last.confirmed), store.Nullable(&last.expires)}
	err = store.Each(rows, targets, func() { before[target] = last })
	return pass, before, err
}

// moveCoverage applies decide to every managed target.
func (s *Coverage) moveCoverage(ctx context.Context, tx pgx.Tx, before map[string]observed, states []SubscriptionState) error {
	open := map[string]*interval{}
	rows, _ := tx.Query(ctx, `
		SELECT scope, id, source, from_time
		FROM coverage
		WHERE to_time IS NULL`)
	var scope string
	var row interval
	if err := store.Each(rows, []any{&scope, &row.id, &row.source, &row.from}, func() {
		found := row
		open[scope] = &found
	}); err != nil {
		return err
	}
	last, err := readEnds(ctx, tx, states, open)
	if err != nil {
		return err
	}
	var ended []int64
	for _, n := range states {
		if !n.Managed {
			continue
		}
		prev := before[n.Target]
		prev.ended = last[n.Scope]
		m := decide(open[n.Scope], prev, n)
		if m == (move{}) {
			continue
		}
		gaps, err := applyMove(ctx, tx, n.Scope, open[n.Scope], m)
		if err != nil {
			return fmt.Errorf("update coverage of %s: %w", n.Scope, err)
		}
		ended = append(ended, gaps...)
	}
	return s.requestRepair(ctx, tx, ended)
}

// readEnds returns when the coverage of scopes without an open interval ended.
func readEnds(ctx context.Context, tx pgx.Tx, states []SubscriptionState, open map[string]*interval) (map[string]time.Time, error) {
	var scopes []string
	for _, n := range states {
		if n.Managed && open[n.Scope] == nil {
			scopes = append(scopes, n.Scope)
		}
	}
	last := map[string]time.Time{}
	if len(scopes) == 0 {
		return last, nil
	}
	rows, _ := tx.Query(ctx, `
		SELECT scope, max(to_time)
		FROM coverage
		WHERE scope = ANY($1)
		GROUP BY scope`, scopes)
	var scope string
	var end time.Time
	err := store.Each(rows, []any{&scope, &end}, func() { last[scope] = end })
	return last, err
}

// applyMove writes the change, and returns the ids of gaps that have ended.
func applyMove(ctx context.Context, tx pgx.Tx, scope string, open *interval, m move) (ended []int64, err error) {
	if open != nil {
		if _, err := tx.Exec(ctx, `
			UPDATE coverage
			SET to_time = $2, repair = CASE source WHEN 'gap' THEN 'pending' END
			WHERE id = $1 AND to_time IS NULL`, open.id, latest(m.endOpen, open.from)); err != nil {
			return nil, err
		}
		if open.source == SourceGap {
			ended = append(ended, open.id)
		}
	}
	if m.gapUntil.After(m.endOpen) {
		id, err := insertGap(ctx, tx, scope, m.endOpen, m.gapUntil, m.cause)
		if err != nil {
			return nil, err
		}
		ended = append(ended, id)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO coverage (scope, from_time, source, cause)
		VALUES ($1, $2, $3, CASE $3 WHEN 'gap' THEN $4 END)`, scope, m.openFrom, m.openSource, m.cause)
	return ended, err
}

func insertGap(ctx context.Context, tx pgx.Tx, scope string, from, to time.Time, cause string) (id int64, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
		VALUES ($1, $2, $3, 'gap', $4, 'pending')
		RETURNING id`, scope, from, to, cause).Scan(&id)
	return id, err
}

// requestRepair inserts a job for each gap.
func (s *Coverage) requestRepair(ctx context.Context, tx pgx.Tx, gaps []int64) error {
	if len(gaps) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(gaps))
	for i, id := range gaps {
		params[i] = river.InsertManyParams{Args: jobs.Backfill{Gap: id}, InsertOpts: &river.InsertOpts{Queue: jobs.QueueBackfill}}
	}
	if _, err := s.db.Jobs().InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert %d backfill jobs: %w", len(gaps), err)
	}
	return nil
}

// SubscriptionStates returns the states after the keeper's last pass, by target.
func (s *Coverage) SubscriptionStates(ctx context.Context) ([]SubscriptionState, error) {
	var types []string
	scan := func(row pgx.CollectableRow) (n SubscriptionState, err error) {
		err = row.Scan(&n.Target, &n.Scope, &n.Name, &n.UID, &n.Topic, &n.FieldMask, &n.State, &n.Reason, &n.Remedy, &n.Error, &n.EventTypes,
			&n.Managed, &n.Parked, &n.IncludeResource, store.Nullable(&n.CreateTime), store.Nullable(&n.UpdateTime),
			store.Nullable(&n.ExpireTime), store.Nullable(&n.GrantedAt), store.Nullable(&n.NextTry), &n.Tries,
			&n.ObservedAt, store.Nullable(&n.ConfirmedAt))
		if slices.Equal(n.EventTypes, types) { // of nearly all: hold them once
			n.EventTypes = types
		}
		types = n.EventTypes
		return n, err
	}
	list, err := store.List(ctx, s.db, scan, `
		SELECT s.target, s.scope, COALESCE(s.name, ''), COALESCE(s.uid, ''), COALESCE(s.topic, ''), COALESCE(s.field_mask, ''),
			COALESCE(s.state, ''), COALESCE(s.reason, ''), COALESCE(s.remedy, ''), COALESCE(s.error, ''), s.event_types,
			s.managed, s.parked, s.include_resource,
			s.create_time, s.update_time, s.expire_time, s.granted_at, s.next_try_at, s.tries, `+observedAt+`, `+confirmedAt+`
		`+fromStates+`
		ORDER BY s.target`)
	if err != nil {
		return nil, fmt.Errorf("read the subscriptions' states: %w", err)
	}
	return list, nil
}

// LastPass returns when the keeper last looked at all subscriptions, by Google's
// clock; zero if it never has.
func (s *Coverage) LastPass(ctx context.Context) (time.Time, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var last time.Time
	if err := s.pool.QueryRow(ctx, `SELECT max(listed_at) FROM keeper_passes`).Scan(store.Nullable(&last)); err != nil {
		return time.Time{}, fmt.Errorf("read when the subscriptions were last seen: %w", err)
	}
	return last, nil
}

// statesAtOnce bounds the memory that a statement's arguments take.
const statesAtOnce = 1000

// writeStates writes what a pass found by few statements: every pass has thousands.
func writeStates(ctx context.Context, tx pgx.Tx, pass time.Time, states []SubscriptionState) error {
	for chunk := range slices.Chunk(states, statesAtOnce) {
		if err := upsertStates(ctx, tx, pass, chunk); err != nil {
			return fmt.Errorf("write %d states: %w", len(chunk), err)
		}
	}
	return nil
}

// upsertStates writes the rows that differ from what is saved, and those of states
// that are younger than the pass. The others aren't even locked, which would be
// logged, too.
func upsertStates(ctx context.Context, tx pgx.Tx, pass time.Time, states []SubscriptionState) error {
	// Nearly all have the same event types: send each list once.
	var lists []string
	numbers := map[string]int32{}
	types := func(n *SubscriptionState) int32 {
		list := strings.Join(n.EventTypes, ",")
		number, known := numbers[list]
		if !known {
			lists = append(lists, list)
			number = int32(len(lists)) // arrays begin at 1
			numbers[list] = number
		}
		return number
	}
	text := func(field func(*SubscriptionState) string) []string { return store.Column(states, field) }
	times := func(field func(*SubscriptionState) time.Time) []pgtype.Timestamptz {
		return store.Column(states, func(n *SubscriptionState) pgtype.Timestamptz { return store.OptionalTime(field(n)) })
	}
	flags := func(field func(*SubscriptionState) bool) []bool { return store.Column(states, field) }
	args := pgx.NamedArgs{
		"target":           text(func(n *SubscriptionState) string { return n.Target }),
		"scope":            text(func(n *SubscriptionState) string { return n.Scope }),
		"name":             text(func(n *SubscriptionState) string { return n.Name }),
		"uid":              text(func(n *SubscriptionState) string { return n.UID }),
		"topic":            text(func(n *SubscriptionState) string { return n.Topic }),
		"field_mask":       text(func(n *SubscriptionState) string { return n.FieldMask }),
		"state":            text(func(n *SubscriptionState) string { return n.State }),
		"reason":           text(func(n *SubscriptionState) string { return n.Reason }),
		"remedy":           text(func(n *SubscriptionState) string { return n.Remedy }),
		"error":            text(func(n *SubscriptionState) string { return n.Error }),
		"types":            store.Column(states, types),
		"managed":          flags(func(n *SubscriptionState) bool { return n.Managed }),
		"parked":           flags(func(n *SubscriptionState) bool { return n.Parked }),
		"include_resource": flags(func(n *SubscriptionState) bool { return n.IncludeResource }),
		"create_time":      times(func(n *SubscriptionState) time.Time { return n.CreateTime }),
		"update_time":      times(func(n *SubscriptionState) time.Time { return n.UpdateTime }),
		"expire_time":      times(func(n *SubscriptionState) time.Time { return n.ExpireTime }),
		"granted_at":       times(func(n *SubscriptionState) time.Time { return n.GrantedAt }),
		"next_try_at":      times(func(n *SubscriptionState) time.Time { return n.NextTry }),
		"tries":            store.Column(states, func(n *SubscriptionState) int32 { return int32(n.Tries) }),
		"delivers":         flags(func(n *SubscriptionState) bool { return n.delivers() }),
		"at":               times(func(n *SubscriptionState) time.Time { return n.ObservedAt }),
	}
	args["lists"], args["pass"] = lists, pass // types has collected them
	_, err := tx.Exec(ctx, `
		WITH found AS (
			SELECT u.target, u.scope, NULLIF(u.name, '') AS name, NULLIF(u.uid, '') AS uid, NULLIF(u.topic, '') AS topic,
				NULLIF(u.field_mask, '') AS field_mask, NULLIF(u.state, '') AS state, NULLIF(u.reason, '') AS reason,
				NULLIF(u.remedy, '') AS remedy, NULLIF(u.error, '') AS error,
				string_to_array((@lists::text[])[u.types], ',') COLLATE "C" AS event_types, -- '' is no type
				u.managed, u.parked, u.include_resource, u.create_time, u.update_time, u.expire_time, u.granted_at, u.next_try_at, u.tries,
				u.at, u.delivers
			FROM unnest(@target::text[], @scope::text[], @name::text[], @uid::text[], @topic::text[], @field_mask::text[],
				@state::text[], @reason::text[], @remedy::text[], @error::text[], @types::integer[], @managed::boolean[], @parked::boolean[],
				@include_resource::boolean[], @create_time::timestamptz[], @update_time::timestamptz[],
				@expire_time::timestamptz[], @granted_at::timestamptz[], @next_try_at::timestamptz[], @tries::integer[],
				@at::timestamptz[], @delivers::boolean[])
				AS u(target, scope, name, uid, topic, field_mask, state, reason, remedy, error, types, managed, parked, include_resource,
					create_time, update_time, expire_time, granted_at, next_try_at, tries, at, delivers)
		)
		INSERT INTO subscription_states (target, scope, name, uid, topic, field_mask, state, reason, remedy, error,
			event_types,
			managed, parked, include_resource, create_time, update_time, expire_time, granted_at, next_try_at, tries,
			observed_at, delivers, confirmed_at)
		SELECT f.target, f.scope, f.name, f.uid, f.topic, f.field_mask, f.state, f.reason, f.remedy, f.error,
			f.event_types,
			f.managed, f.parked, f.include_resource, f.create_time, f.update_time, f.expire_time, f.granted_at, f.next_try_at, f.tries,
			f.at, f.delivers, CASE WHEN f.delivers THEN f.at WHEN s.delivers THEN GREATEST(s.confirmed_at, p.listed_at) ELSE s.confirmed_at END
		FROM found f
		LEFT JOIN subscription_states s ON s.target = f.target
		LEFT JOIN keeper_passes p ON true
		WHERE s.target IS NULL OR f.at > @pass OR (
			s.scope, s.name, s.uid, s.topic, s.field_mask, s.state, s.reason, s.remedy, s.error,
			s.event_types,
			s.managed, s.parked, s.include_resource, s.create_time, s.update_time, s.expire_time, s.granted_at, s.next_try_at, s.tries,
			s.delivers
		) IS DISTINCT FROM (
			f.scope, f.name, f.uid, f.topic, f.field_mask, f.state, f.reason, f.remedy, f.error,
			f.event_types,
			f.managed, f.parked, f.include_resource, f.create_time, f.update_time, f.expire_time, f.granted_at, f.next_try_at, f.tries,
			f.delivers
		)
		ON CONFLICT (target) DO UPDATE SET
			scope = excluded.scope,
			name = excluded.name,
			uid = excluded.uid,
			topic = excluded.topic,
			field_mask = excluded.field_mask,
			state = excluded.state,
			reason = excluded.reason,
			remedy = excluded.remedy,
			error = excluded.error,
			event_types = excluded.event_types,
			managed = excluded.managed,
			parked = excluded.parked,
			include_resource = excluded.include_resource,
			create_time = excluded.create_time,
			update_time = excluded.update_time,
			expire_time = excluded.expire_time,
			granted_at = excluded.granted_at,
			next_try_at = excluded.next_try_at,
			tries = excluded.tries,
			observed_at = excluded.observed_at,
			delivers = excluded.delivers,
			confirmed_at = excluded.confirmed_at`, args)
	return err
}
