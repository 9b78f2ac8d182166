package audit

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// asECS is a form of records beside [analytics.Formats].
const asECS = "ecs"

const (
	partRecords = 100_000 // of a file
	pageRecords = 2000    // that are looked up at once, and then read one by one
)

func newExport(env *cli.Env, open Open) *cobra.Command {
	x := export{env: env, partRecords: partRecords, pageRecords: pageRecords}
	formats := append(analytics.Formats(), asECS)
	cmd := &cobra.Command{
		Use:   "export ['QUERY'] --to DIR",
		Short: "Write the records that a query matches into files, with a manifest",
		Long: `Export writes all records that audit search finds with the query, newest first, into
files of 100,000 records, and at last manifest.json: the query, the window, the
SHA-256 of each file, and how far the proof of the log was. A call with the same
arguments goes on with an export that was ended, and writes the same bytes.

With --user it writes all that is recorded about one person, for whoever has a right
to know: messages, edits, reactions, memberships, runs and interactions, each as
JSON lines, and summary.md. That takes the rights of spacekeeper_worker and
spacekeeper_content.

The audit log has a record of each export.`,
		Example: `  subscriber audit export 'created:2026-08 action:member.*' --to august --format parquet
  subscriber audit export --user users/123 --to request-7 --reason 'access request 7'`,
		Args: cli.Takes(0, 1, `one query: put it between ' and '`),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, "")
			switch {
			case x.dir == "":
				return cli.Usage("--to is missing: name a folder, which is made if it isn't there")
			case !slices.Contains(formats, x.state.Format):
				return cli.Usage("--format %q: want one of %s", x.state.Format, strings.Join(formats, ", "))
			case x.user != "" && (text != "" || cmd.Flags().Changed("format")):
				return cli.Usage("--user writes all about one person: leave out the query and --format")
			}
			if _, err := query.Parse(text, time.Now()); err != nil { // before the database is asked
				return cli.WrongUse(err)
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error {
				x.db = db
				if x.user != "" {
					return x.person(cmd.Context())
				}
				return x.run(cmd.Context(), text)
			})
		},
	}
	env.QuietFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&x.dir, "to", "", "folder to write to")
	flags.StringVar(&x.state.Format, "format", "csv", strings.Join(formats, ", "))
	flags.BoolVar(&x.state.Content, "show-content", false, "write what messages say and said, too")
	flags.StringVar(&x.user, "user", "", "all about this person: users/123, or a name")
	flags.StringVar(&x.reason, "reason", "", trail.ReasonUsage)
	cli.CompleteFlag(cmd, "format", formats)
	return cmd
}

// export writes records into a folder.
type export struct {
	env          *cli.Env
	db           *store.Store
	dir          string
	user, reason string
	state        state

	partRecords, pageRecords int
}

// run writes all records of a query, or those that an export that was ended lacks.
func (x *export) run(ctx context.Context, text string) error {
	now, err := x.now(ctx)
	if err != nil {
		return err
	}
	q, err := parse(ctx, x.db, text, now)
	if err != nil {
		return err
	}
	x.state.Query = q.String()
	begun, err := x.begin(now)
	if err != nil {
		return err
	}
	if !begun { // what the query's relative times mean is as it was
		if q, err = parse(ctx, x.db, text, x.state.AsOf); err != nil {
			return err
		}
	}
	request := Request{Query: q, Content: x.state.Content}
	f, err := newFilter(request, x.state.AsOf)
	if err != nil {
		return err
	}
	if begun {
		x.state.Since, x.state.Until = f.since.UTC(), earliest(f.until, now).UTC()
		if x.state.Proof, err = x.proof(ctx); err != nil {
			return err
		}
	}
	told := trail.Action{
		Name: "export.started", Reason: x.reason,
		Details: map[string]any{"query": x.state.Query, "format": x.state.Format, "content": x.state.Content, "files": len(x.state.Files)},
	}
	if err := trail.Commit(ctx, x.db, told); err != nil {
		return err
	}
	if begun {
		if err := x.save(ctx); err != nil {
			return err
		}
	}
	progress := x.env.Progress()
	defer progress.End()
	for more := true; more; {
		if more, err = x.part(ctx, request, progress); err != nil {
			return fmt.Errorf("export into %s: %w", x.dir, err)
		}
	}
	told.Name, told.Details["files"], told.Details["records"] = "export.finished", len(x.state.Files), x.state.Records
	if err := x.finish(ctx, told); err != nil {
		return err
	}
	x.env.Say("%s in %s", cli.Count(x.state.Records, "record"), cli.Count(len(x.state.Files), "file"))
	return nil
}

func (x *export) now(ctx context.Context) (now time.Time, err error) {
	if err := x.db.Pool().QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
		return now, fmt.Errorf("read the time: %w", err)
	}
	return now, nil
}

// part writes the next file, and reports whether there may be more.
func (x *export) part(ctx context.Context, r Request, progress *cli.Progress) (more bool, err error) {
	s := &x.state
	ending := s.Format
	if ending == asECS {
		ending = jsonLines
	}
	one := file{Name: fmt.Sprintf("part-%06d.%s", len(s.Files)+1, ending)}
	r.After = s.After
	err = x.write(ctx, &one, func(out io.Writer) error {
		w, err := x.writer(ctx, out)
		if err != nil {
			return err
		}
		for more = true; more && one.Records < x.partRecords; {
			limit := min(x.pageRecords, x.partRecords-one.Records)
			n, err := x.page(ctx, &r, limit, w)
			if err != nil {
				return err
			}
			one.Records, more = one.Records+n, n == limit
			if r.After != "" {
				at, _ := timeOf(r.After)
				progress.Reached(cli.Count(s.Records+one.Records, "record")+", ", at, at, at)
			}
		}
		return w.Close()
	})
	if err != nil || one.Records == 0 && len(s.Files) > 0 {
		return false, err
	}
	if err := x.keep(one.Name); err != nil {
		return false, err
	}
	s.Files, s.Records, s.After = append(s.Files, one), s.Records+one.Records, r.After
	return more, x.save(ctx)
}

func (x *export) writer(ctx context.Context, out io.Writer) (analytics.RowWriter, error) {
	if x.state.Format == asECS {
		return &ecsWriter{out: json.NewEncoder(out)}, nil
	}
	return analytics.NewRowWriter(ctx, x.db, "audit_log", x.state.Format, out)
}

// page writes the records that follow, and returns how many. Those that were recorded
// after the export began are left out, as it may have gone by their place already.
func (x *export) page(ctx context.Context, r *Request, limit int, w analytics.RowWriter) (n int, err error) {
	f, err := newFilter(*r, x.state.AsOf)
	if err != nil {
		return 0, err
	}
	f.since, f.until = x.state.Since, earliest(f.until, x.state.Until)
	f.conditions = append(f.conditions, "(recorded_at > "+f.bind(x.state.AsOf)+") IS NOT TRUE")
	err = f.inTransaction(ctx, x.db, *r, func(tx pgx.Tx) error {
		found, err := f.find(ctx, tx, limit)
		if err != nil || len(found) == 0 {
			return err
		}
		rows, err := f.query(ctx, tx, found)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			record, err := pgx.RowToStructByPos[query.Record](rows)
			if err != nil {
				return err
			}
			one := []query.Record{record}
			if !r.Content {
				hide(one)
			}
			n, r.After = n+1, record.ID
			if err := writeRecord(w, &one[0]); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return n, err
}

func writeRecord(w analytics.RowWriter, r *query.Record) error {
	if e, ok := w.(*ecsWriter); ok {
		return e.record(r)
	}
	text := func(s *string) []byte {
		if s == nil {
			return nil
		}
		return append([]byte{}, *s...)
	}
	at := func(t *time.Time) []byte { // as Postgres sends it
		if t == nil {
			return nil
		}
		return binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro()-time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()))
	}
	var changed []byte
	if r.Changed != nil {
		changed, _ = json.Marshal(r.Changed) // of texts: it can't fail
	}
	return w.Row([][]byte{
		text(&r.ID), at(&r.OccurredAt), at(r.RecordedAt), text(&r.Category), text(&r.Action), text(r.ActorID), text(r.ActorName),
		text(&r.ActorKind), text(r.SpaceID), text(r.SpaceName), text(&r.TargetType), text(r.TargetID), text(r.TargetName),
		text(r.ThreadID), at(r.TargetCreatedAt), r.Prior, r.Resulting, changed, text(&r.Source), text(&r.ToldBy),
	})
}
