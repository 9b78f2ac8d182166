package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// naiveDB records as most consumers are written: one transaction per message,
// one statement after the other. It has the same effects as ours for the
// workload at hand: log, projections, runs, jobs.
type naiveDB struct {
	pool *pgxpool.Pool
	jobs *river.Client[pgx.Tx]

	mu  sync.Mutex
	ids map[string]int32 // look-up rows, by text
}

// openNaive uses 16 connections, where its rate levels off.
func openNaive(ctx context.Context, dsn string) (*naiveDB, error) {
	prepared, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	l, err := eventlog.New(prepared, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := l.EnsurePartitions(ctx, time.Now()); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database address: %w", err)
	}
	config.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("create the River client: %w", err)
	}
	return &naiveDB{pool: pool, jobs: jobs, ids: map[string]int32{}}, nil
}

func (db *naiveDB) close() { db.pool.Close() }

func (db *naiveDB) record(ctx context.Context, msg *pubsub.Message) error {
	ev, bad := events.Decode(msg.Attributes, msg.Data)
	if bad != nil {
		return bad
	}
	source, err := db.id(ctx, ev.Source, `
		WITH added AS (INSERT INTO event_sources (source) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id)
		SELECT id FROM added UNION ALL SELECT id FROM event_sources WHERE source = $1 LIMIT 1`, ev.Source)
	if err != nil {
		return err
	}
	typ, err := db.id(ctx, ev.Type, `
		WITH added AS (INSERT INTO event_types (ce_type, kind, verb) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id)
		SELECT id FROM added UNION ALL SELECT id FROM event_types WHERE ce_type = $1 LIMIT 1`,
		ev.Type, string(ev.Items[0].Kind), string(ev.Items[0].Verb))
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		it := &ev.Items[0]
		key := pgtype.UUID{Bytes: items.KeyOf(ev, msg.ID), Valid: true}
		space, err := lookUp(ctx, tx, `
			WITH added AS (
				INSERT INTO spaces (version_time, version_key, space) VALUES ('-infinity', $1, $2)
				ON CONFLICT DO NOTHING RETURNING id)
			SELECT id FROM added UNION ALL SELECT id FROM spaces WHERE space = $2 LIMIT 1`, key, it.Space)
		if err != nil {
			return err
		}
		actor, err := lookUp(ctx, tx, `
			WITH added AS (
				INSERT INTO users (version_time, user_name, user_type) VALUES ('-infinity', $1, 'HUMAN')
				ON CONFLICT DO NOTHING RETURNING id)
			SELECT id FROM added UNION ALL SELECT id FROM users WHERE user_name = $1 LIMIT 1`, it.Actor)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO events (event_time, received_at, publish_time, event_key, source_id, type_id, ordinal,
				payload_codec, origin, ce_id, space_id, actor_id, resource, message_id, payload)
			VALUES ($1, now(), $2, $3, $4, $5, 0, 0, 'l', $6, $7, $8, $9, $10, $11)
			ON CONFLICT DO NOTHING`,
			ev.Time, msg.PublishTime, key, source, typ, ev.ID, space, actor, it.Resource, msg.ID, msg.Data)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return db.project(ctx, tx, ev, it, key, space, actor)
	})
}

// id returns the number of a look-up row, which is asked for once.
func (db *naiveDB) id(ctx context.Context, text, query string, args ...any) (id int32, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if id, ok := db.ids[text]; ok {
		return id, nil
	}
	if id, err = lookUp(ctx, db.pool, query, args...); err != nil {
		return 0, fmt.Errorf("look up %q: %w", text, err)
	}
	db.ids[text] = id
	return id, nil
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// lookUp adds a row if it is missing and returns its number.
func lookUp(ctx context.Context, db queryer, query string, args ...any) (id int32, err error) {
	for {
		err := db.QueryRow(ctx, query, args...).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			continue // somebody else has added it just now
		}
		return id, err
	}
}

func (db *naiveDB) project(ctx context.Context, tx pgx.Tx, ev *events.Event, it *events.Item, key pgtype.UUID, space, actor int32) error {
	switch {
	case it.Message != nil:
		m := it.Message
		_, err := tx.Exec(ctx, `
			INSERT INTO stored_messages AS m (version_time, event_time, create_time, version_key, verb_order, attachments, name, space_id,
				sender_id, thread, text)
			VALUES ($1, $1, $2, $3, 1, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (create_time, space_id, name) DO UPDATE
			SET version_time = excluded.version_time, version_key = excluded.version_key, text = excluded.text
			WHERE excluded.version_time > m.version_time`,
			ev.Time, m.CreateTime, key, m.AttachmentCount, it.Resource, space, actor, m.Thread, m.Text)
		return err
	case it.Reaction != nil:
		r := it.Reaction
		_, err := tx.Exec(ctx, `
			INSERT INTO stored_reactions AS r (version_time, added_at, version_key, verb_order, present, reaction, message, space_id, user_id, emoji)
			VALUES ($1, $1, $2, 1, true, $3, $4, $5, $6, $7)
			ON CONFLICT (space_id, message, reaction) DO UPDATE
			SET version_time = excluded.version_time, version_key = excluded.version_key, present = true
			WHERE excluded.version_time > r.version_time`,
			ev.Time, key, it.Resource, r.Message, space, actor, r.Emoji())
		return err
	case it.Membership != nil:
		return db.join(ctx, tx, ev, it, key, space)
	}
	return nil
}

func (db *naiveDB) join(ctx context.Context, tx pgx.Tx, ev *events.Event, it *events.Item, key pgtype.UUID, space int32) error {
	m := it.Membership
	if _, err := tx.Exec(ctx, `
		INSERT INTO stored_memberships AS m (version_time, version_key, verb_order, space_id, membership, member, state, role)
		VALUES ($1, $2, 1, $3, $4, $5, $6, $7)
		ON CONFLICT (space_id, membership) DO UPDATE
		SET version_time = excluded.version_time, version_key = excluded.version_key, state = excluded.state
		WHERE excluded.version_time > m.version_time`,
		ev.Time, key, space, it.Resource, it.Actor, string(m.State), m.Role); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO stored_membership_changes (event_time, event_key, ordinal, origin, space_id, membership, verb, state, role, member_type)
		VALUES ($1, $2, 0, 'l', $3, $4, 'created', $5, $6, $7)
		ON CONFLICT DO NOTHING`,
		ev.Time, key, space, it.Resource, string(m.State), m.Role, string(m.Member.Type)); err != nil {
		return err
	}
	var run int64
	err := tx.QueryRow(ctx, `
		INSERT INTO reactor_runs (event_time, due_at, reactor, subject, trigger, hash, space, member, facts)
		VALUES ($1, $1, 'welcome', $2, 'member.joined', '0123456789ab', $3, $4, $5)
		ON CONFLICT DO NOTHING
		RETURNING id`,
		ev.Time, it.Space+" "+it.Actor, it.Space, it.Actor,
		fmt.Sprintf(`{"event":{"id":%q,"type":%q},"member":{"type":"HUMAN"}}`, ev.ID, ev.Type)).Scan(&run)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = db.jobs.InsertTx(ctx, tx, reactors.RunArgs{RunID: run}, &river.InsertOpts{Queue: reactors.Queue})
	return err
}
