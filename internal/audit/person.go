package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

const summaryFile = "summary.md"

// section is a file about a person: rows as JSON, and their times.
type section struct{ name, holds, sql string }

func sections() []section {
	return []section{
		{"names.jsonl", "what they were called, and since when that was known", `
			SELECT to_json(n)::text, n.known_at
			FROM names n
			WHERE n.name = $1
			ORDER BY n.known_at`},
		{"messages.jsonl", "messages that they sent, as they are now", `
			SELECT to_json(m)::text, m.sent_at
			FROM analytics.fct_messages m
			WHERE m.member_id = $1
			ORDER BY m.sent_at, m.message_id`},
		{"versions.jsonl", "what each of these messages said, before and after each edit", `
			SELECT to_json(v)::text, v.version_at
			FROM analytics.fct_messages m
			JOIN analytics.fct_message_versions v ON v.message_id = m.message_id
			WHERE m.member_id = $1
			ORDER BY v.version_at, v.message_id`},
		{"mentions.jsonl", "messages that mention them, without what these say", `
			SELECT to_json(x)::text, x.sent_at
			FROM analytics.fct_mentions x
			WHERE x.member_id = $1
			ORDER BY x.sent_at, x.message_id`},
		{"reactions.jsonl", "reactions that they added, and took back", `
			SELECT to_json(r)::text, r.added_at
			FROM analytics.fct_reactions r
			WHERE r.member_id = $1
			ORDER BY r.added_at, r.reaction_id`},
		{"memberships.jsonl", "spaces that they are or were in", `
			SELECT to_json(s)::text, s.known_at
			FROM analytics.fct_memberships s
			WHERE s.member_id = $1
			ORDER BY s.known_at, s.space_id`},
		{"runs.jsonl", "what rules did for them, with the texts that they were sent", `
			SELECT to_json(r)::text, r.created_at
			FROM reactor_runs r
			WHERE r.member = $1
			ORDER BY r.id`},
	}
}

// person writes all about one person.
func (x *export) person(ctx context.Context) error {
	now, err := x.now(ctx)
	if err != nil {
		return err
	}
	id, err := findActor(ctx, x.db, x.user)
	if err != nil {
		return fmt.Errorf("--user: %w", err)
	}
	if err := x.mayReadAll(ctx); err != nil {
		return err
	}
	x.state.User, x.state.Format, x.state.Content = id, "jsonl", true
	if _, err := x.begin(now); err != nil {
		return err
	}
	told := trail.Action{Name: "export.started", Target: id, Reason: x.reason, Details: map[string]any{"format": "jsonl", "content": true}}
	if err := trail.Commit(ctx, x.db, told); err != nil {
		return err
	}
	// It takes no long time: one that was ended begins anew.
	x.state.Files, x.state.Records, x.state.AsOf = nil, 0, now.UTC()
	if x.state.Proof, err = x.proof(ctx); err != nil {
		return err
	}
	if err := x.save(ctx); err != nil {
		return err
	}
	text := fmt.Sprintf("# What is recorded about %s\n\nAs of %s. Each file holds a JSON object in each line, the oldest first.\n\n"+
		"| file | holds | lines | from | to |\n|---|---|---|---|---|\n", id, now.UTC().Format(time.DateTime+" MST"))
	for _, s := range sections() {
		line, err := x.section(ctx, s.name, s.holds, func(tell func([]byte, *time.Time) error) error { return x.rows(ctx, s.sql, id, tell) })
		if err != nil {
			return err
		}
		text += line
	}
	line, err := x.section(ctx, "events.jsonl", "what Google sent of what they did: messages, reactions, memberships, clicks and commands",
		func(tell func([]byte, *time.Time) error) error { return x.received(ctx, id, tell) })
	if err != nil {
		return err
	}
	text += line + `
What others wrote is not in it, even if it is about this person, nor are files that were attached: Google keeps those.
Backups of the database may hold what was erased in it since.
`
	if x.state.Records == 0 {
		x.env.Say("nothing is recorded about %s", id)
	}
	if err := x.file(ctx, &file{Name: summaryFile}, func(out io.Writer) error {
		_, err := io.WriteString(out, text)
		return err
	}); err != nil {
		return err
	}
	told.Name, told.Details["records"] = "export.finished", x.state.Records
	if err := x.finish(ctx, told); err != nil {
		return err
	}
	x.env.Say("%s in %s; begin with %s", cli.Count(x.state.Records, "line"), cli.Count(len(x.state.Files), "file"), x.path(summaryFile))
	return nil
}

// mayReadAll errs for a role that would see a part only.
func (x *export) mayReadAll(ctx context.Context) error {
	var all bool
	if err := x.db.Pool().QueryRow(ctx, `
		SELECT sees_text AND sees_all_spaces
			AND COALESCE(has_table_privilege(to_regclass('events'), 'SELECT') AND has_table_privilege(to_regclass('reactor_runs'), 'SELECT'), false)
		FROM analytics.about`).Scan(&all); err != nil {
		return fmt.Errorf("see what may be read: %w", err)
	}
	if !all {
		return cli.WrongConfiguration("this role doesn't see all about a person: make it a member of spacekeeper_content and spacekeeper_worker")
	}
	return nil
}

// file writes a file that is complete, and notes it.
func (x *export) file(ctx context.Context, one *file, fill func(io.Writer) error) error {
	err := x.write(ctx, one, fill)
	if err == nil {
		err = x.keep(one.Name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", x.path(one.Name), err)
	}
	x.state.Files, x.state.Records = append(x.state.Files, *one), x.state.Records+one.Records
	return nil
}

// section writes a file of lines, and returns what the summary says of it.
func (x *export) section(
	ctx context.Context, name, holds string, each func(func([]byte, *time.Time) error) error,
) (line string, err error) {
	one := file{Name: name}
	var first, last string
	err = x.file(ctx, &one, func(out io.Writer) error {
		return each(func(text []byte, at *time.Time) error {
			if at != nil {
				if last = at.UTC().Format(time.DateTime); first == "" {
					first = last
				}
			}
			one.Records++
			_, err := out.Write(append(bytes.ReplaceAll(text, []byte("\n"), nil), '\n')) // between values: in texts they are escaped
			return err
		})
	})
	return fmt.Sprintf("| %s | %s | %d | %s | %s |\n", name, holds, one.Records, first, last), err
}

func (x *export) rows(ctx context.Context, sql, id string, tell func([]byte, *time.Time) error) error {
	return x.slowly(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, sql, id)
		var text []byte
		var at *time.Time
		_, err := pgx.ForEachRow(rows, []any{&text, &at}, func() error { return tell(text, at) })
		return err
	})
}

// slowly reads what takes as long as it takes: nothing finds all of one person at once.
func (x *export) slowly(ctx context.Context, read func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, x.db.Pool(), pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '1h', true), set_config('jit', 'off', true)`); err != nil {
			return err
		}
		return read(tx)
	})
}

// received tells the bytes of the events of what a person did.
func (x *export) received(ctx context.Context, id string, tell func([]byte, *time.Time) error) error {
	log, err := eventlog.New(x.db, nil, nil)
	if err != nil {
		return err
	}
	type event struct {
		At  time.Time
		Key uuid.UUID
	}
	var list []event
	if err := x.slowly(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT DISTINCT e.event_time, e.event_key
			FROM events e
			WHERE e.actor_id = (SELECT u.id FROM users u WHERE u.user_name = $1)
			ORDER BY 1, 2`, id)
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[event])
		return err
	}); err != nil {
		return err
	}
	for _, one := range list {
		copies, err := log.Payloads(ctx, items.Key(one.Key))
		if err != nil && !errors.Is(err, originals.ErrNoPayload) {
			return err
		}
		for _, text := range copies {
			if !json.Valid(text) {
				text, _ = json.Marshal(strings.ToValidUTF8(string(text), "\uFFFD")) // of a text: it can't fail
			}
			if err := tell(text, &one.At); err != nil {
				return err
			}
		}
	}
	return nil
}
