package erasures

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events/redaction"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

func unlessChanged(tag pgconn.CommandTag) error {
	if tag.RowsAffected() == 0 {
		return errChanged
	}
	return nil
}

// table is one with columns that hold text, whatever they are for: so a new one is
// gone through, too.
type table struct {
	name    string // quoted
	of      string // which table it is a part of; else name
	columns []string
	types   []string
}

// readTables lists them, apart from those that have a part of their own, and the log's.
// A key stays: it is no text of people, and something may refer to it.
func readTables(ctx context.Context, q holds.Querier) ([]table, error) {
	rows, _ := q.Query(ctx, `
		SELECT quote_ident(c.relname), COALESCE(p.relname, c.relname), array_agg(quote_ident(a.attname) ORDER BY a.attnum),
			array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum)
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			AND format_type(a.atttypid, NULL) IN ('text', 'character varying', 'json', 'jsonb', 'text[]', 'character varying[]', 'json[]', 'jsonb[]')
			AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey))
		LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
		LEFT JOIN pg_class p ON p.oid = h.inhparent
		WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass)
			AND COALESCE(p.relname, c.relname) NOT IN ('events', 'quarantine', 'erasures', 'goose_db_version')
			AND c.relname NOT LIKE 'proof\_%'
		GROUP BY c.relname, p.relname
		ORDER BY quote_ident(c.relname) COLLATE "C"`)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t table, err error) {
		return t, row.Scan(&t.name, &t.of, &t.columns, &t.types)
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	return list, nil
}

// pattern finds whole names as a regular expression of Postgres, also where JSON
// has escaped them.
func pattern(names []string) string {
	var all []string
	for _, name := range names {
		text, err := json.Marshal(name)
		if err != nil {
			continue // texts never fail
		}
		for _, form := range []string{name, strings.Trim(string(text), `"`)} {
			all = append(all, special.ReplaceAllString(form, `\$0`))
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return `(?<![[:alnum:]])(?:` + strings.Join(slices.Compact(all), "|") + `)(?![[:alnum:]])`
}

var special = regexp.MustCompile(`[^\pL\pN\s]`)

// blocksAtOnce is how many blocks of a table a step goes through.
const blocksAtOnce = 500

// eraseTable takes the person out of some blocks of a table. Rows that others move to
// blocks that were gone through were changed since: what is older than the erasure
// was taken out of them before they were written.
func (e *erasure) eraseTable(ctx context.Context, tx pgx.Tx) (next position, err error) {
	i := slices.IndexFunc(e.tables, func(t table) bool { return t.name >= e.position.part })
	if i < 0 {
		return beginning(partLast), nil
	}
	t := e.tables[i]
	since := e.position.number
	if t.name != e.position.part || since < 0 {
		since = 0
	}
	var blocks int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(pg_relation_size(to_regclass($1)), 0) / current_setting('block_size')::bigint`, t.name).
		Scan(&blocks); err != nil {
		return next, err
	}
	next = beginning(t.name)
	next.number = since + blocksAtOnce
	if since >= blocks {
		if next = beginning(partLast); i+1 < len(e.tables) {
			next = beginning(e.tables[i+1].name)
		}
		return next, nil
	}
	within := fmt.Sprintf(`ctid >= '(%d,0)' AND ctid < '(%d,0)'`, since, since+blocksAtOnce)
	for _, change := range e.changes(t) {
		sql := fmt.Sprintf(change.sql, t.name, within)
		tag, err := tx.Exec(ctx, sql, pgx.NamedArgs{
			"user": e.user, "number": e.number, "asked": e.asked, "held": e.held, "spaces": e.person.Spaces,
			"named": `\m` + special.ReplaceAllString(e.user, `\$0`) + `(?![[:alnum:]])`, "pattern": e.pattern, "gone": redaction.Gone,
		})
		if err != nil {
			return next, err
		}
		e.counts[change.counts] += int(tag.RowsAffected())
	}
	if t.of == "trail" {
		return next, e.eraseTrail(ctx, tx, since)
	}
	return next, nil
}

// change is a statement that changes or deletes rows within some blocks: %[1]s is
// the table, %[2]s says which blocks.
type change struct{ counts, sql string }

// runOf says of a run that it is about the person or tells of them.
const runOf = `(member = @user OR concat_ws(' ', reason, facts, requests, trace) ~ @named
			OR @pattern <> '' AND concat_ws(' ', reason, facts, requests, trace) ~ @pattern)`

// changes are those of a table.
func (e *erasure) changes(t table) (list []change) {
	switch t.of {
	case "stored_messages":
		list = append(list, change{"messages", `
			UPDATE %[1]s m
			SET text = NULL, attachments = NULL, mentions = NULL
			WHERE %[2]s AND (m.sender_id = @number
					OR m.space_id IN (SELECT id FROM spaces WHERE space = ANY (@spaces))
						AND m.sender_id NOT IN (SELECT id FROM users WHERE user_type = 'HUMAN'))
				AND (m.text IS NOT NULL OR m.attachments IS NOT NULL OR m.mentions IS NOT NULL) AND m.version_time <= @asked
				AND m.space_id NOT IN (SELECT id FROM spaces WHERE space = ANY (@held))`})
	case "stored_revisions":
		list = append(list, change{"versions of messages", `
			DELETE FROM %[1]s r
			WHERE %[2]s AND r.version_time <= @asked AND r.space_id NOT IN (SELECT id FROM spaces WHERE space = ANY (@held))
				AND EXISTS (
					SELECT FROM stored_messages m
					WHERE split_part(m.name, '.', 1) = split_part(r.name, '.', 1) AND m.space_id = r.space_id AND m.name = r.name
						AND (m.sender_id = @number
							OR m.space_id IN (SELECT id FROM spaces WHERE space = ANY (@spaces))
								AND m.sender_id NOT IN (SELECT id FROM users WHERE user_type = 'HUMAN'))
				)`})
	case "reactor_runs":
		return []change{{"runs", `
			UPDATE %[1]s
			SET facts = '{}', requests = NULL, trace = '[]', reason = 'the person was erased', held = false,
				outcome = CASE WHEN finished_at IS NULL THEN 'cancelled' ELSE outcome END, finished_at = COALESCE(finished_at, now())
			WHERE %[2]s AND created_at <= @asked AND NOT (space = ANY (@held)) AND reason IS DISTINCT FROM 'the person was erased' AND ` + runOf}}
	case "reactor_evaluations":
		return []change{{"evaluations", `
			DELETE FROM %[1]s
			WHERE %[2]s AND at <= @asked AND NOT (space = ANY (@held)) AND (member = @user OR @pattern <> '' AND reason ~ @pattern)`}}
	case "reactor_records":
		list = append(list, change{"notes of rules", `
			UPDATE %[1]s
			SET value = NULL
			WHERE %[2]s AND event_time <= @asked AND NOT (space = ANY (@held)) AND value IS NOT NULL AND (member = @user OR value ~ @named)`})
	case "users", "trail":
		return nil
	}
	if e.pattern == "" || e.keepNames {
		return list
	}
	var set, has []string
	for i, column := range t.columns {
		set = append(set, fmt.Sprintf(`%[1]s = regexp_replace(%[1]s::text, @pattern, @gone, 'g')::%[2]s`, column, t.types[i]))
		has = append(has, column+`::text ~ @pattern`)
	}
	return append(list, change{"other texts", `
			UPDATE %[1]s
			SET ` + strings.Join(set, ", ") + `
			WHERE %[2]s AND (` + strings.Join(has, " OR ") + ")"})
}

// eraseTrail takes names out of what people did, and says so in the log.
func (e *erasure) eraseTrail(ctx context.Context, tx pgx.Tx, since int64) error {
	if e.pattern == "" || e.keepNames {
		return nil
	}
	rows, _ := tx.Query(ctx, `
		UPDATE trail
		SET details = '{"erased": true}', target = regexp_replace(target, $1, $2, 'g')
		WHERE ctid >= $3::text::tid AND ctid < $4::text::tid AND concat_ws(' ', target, details) ~ $1
		RETURNING at, action_key`, e.pattern, redaction.Gone, fmt.Sprintf("(%d,0)", since), fmt.Sprintf("(%d,0)", since+blocksAtOnce))
	var refs []proofs.Ref
	var at time.Time
	var key pgtype.UUID
	if _, err := pgx.ForEachRow(rows, []any{&at, &key}, func() error {
		refs = append(refs, proofs.Ref{Kind: proofs.Action, Time: at.UnixMicro(), Key: key.Bytes})
		return nil
	}); err != nil {
		return err
	}
	e.counts["actions in the trail"] += len(refs)
	if e.dry {
		return nil
	}
	return proofs.AddErased(ctx, tx, e.payloads, refs)
}
