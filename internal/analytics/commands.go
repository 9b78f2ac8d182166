package analytics

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// PrintEvents prints a line for each event that is recorded, until ctx ends. The
// space may be called by its name.
func PrintEvents(ctx context.Context, e *cli.Env, db *store.Store, f Filter) (err error) {
	if err := checkLog(ctx, db); err != nil {
		return err
	}
	if f.Space, err = FindSpace(ctx, db, f.Space); err != nil {
		return err
	}
	lines := json.NewEncoder(e.JSONOut())
	lines.SetEscapeHTML(false)
	return Follow(ctx, db, func(one Event) error {
		switch {
		case !f.Wants(&one):
			return nil
		case e.Format == cli.JSON:
			return lines.Encode(one)
		}
		titles := names.Titles{one.Space: one.SpaceName, one.Actor: one.ActorName}
		late := ""
		if lag := one.ReceivedAt.Sub(one.Time); one.Origin != "live" || lag > time.Minute {
			late = "  (" + one.Origin + ", " + cli.ShortDuration(lag) + " later)"
		}
		e.Print("%s  %-18s  %s  %s  %s%s\n", one.Time.Format(time.DateTime), one.Type,
			cmp.Or(titles.With(one.Space), "-"), cmp.Or(titles.With(one.Actor), "-"), strings.TrimPrefix(one.Resource, one.Space+"/"), late)
		return nil
	}, func(err error) { e.Say("%v; waiting for it", err) })
}

// ExportFile writes the rows that are asked for into a file, or on standard output
// where none is named. The space may be called by its name.
func ExportFile(ctx context.Context, e *cli.Env, db *store.Store, r Request, file string) (err error) {
	if r.Format == "parquet" && file == "" && e.Redraws {
		return cli.Usage("Parquet is nothing for a terminal: name a file with -o")
	}
	if r.Space, err = FindSpace(ctx, db, r.Space); err != nil {
		return err
	}
	texts, err := hasTexts(ctx, db, r.Object)
	if err != nil {
		return err
	}
	told := trail.Action{Name: "export.started", Target: r.Object, Space: r.Space, Reason: r.Reason, Details: map[string]any{}}
	told.Details["format"] = r.Format
	for name, at := range map[string]time.Time{"since": r.Since, "until": r.Until} {
		if !at.IsZero() {
			told.Details[name] = at
		}
	}
	if texts {
		if err := trail.Commit(ctx, db, told); err != nil {
			return err
		}
	}
	var rows int64
	write := func(out io.Writer) (err error) {
		rows, err = Export(ctx, db, r, out)
		return err
	}
	if file == "" {
		err = write(e.Out)
	} else {
		err = WriteFile(file, write)
	}
	if err == nil && texts {
		told.Name, told.Details["rows"] = "export.finished", rows
		err = trail.Commit(ctx, db, told)
	}
	if err == nil {
		e.Say("%s", cli.Count(int(rows), "row"))
	}
	return err
}

// hasTexts tells whether an object shows what messages say to this role: to export
// that is in the trail.
func hasTexts(ctx context.Context, db *store.Store, object string) (has bool, err error) {
	ctx, cancel := db.WithTimeout(ctx)
	defer cancel()
	if err := db.Pool().QueryRow(ctx, `
		SELECT sees_text AND EXISTS (
			SELECT
			FROM pg_attribute a
			WHERE a.attrelid = to_regclass('analytics.' || quote_ident($1)) AND a.attname IN ('text', 'prior_state')
		)
		FROM analytics.about`, object).Scan(&has); err != nil {
		return false, fmt.Errorf("see whether %s shows texts: %w", object, err)
	}
	return has, nil
}

// PrintStats prints the numbers of a window, and draws them if a folder is named.
// The space may be called by its name.
func PrintStats(ctx context.Context, e *cli.Env, db *store.Store, q Question, o Options) (err error) {
	if q.Space, err = FindSpace(ctx, db, q.Space); err != nil {
		return err
	}
	r, err := Stats(ctx, db, q)
	if err != nil {
		return err
	}
	if o.Pictures != "" {
		list, err := Pictures(ctx, db, r)
		if err == nil {
			err = SavePictures(o.Pictures, list)
		}
		if err != nil {
			return err
		}
		e.Say("%s in %s", cli.Count(len(list), "plot"), o.Pictures)
	}
	if err := r.Print(e, o); err != nil {
		return err
	}
	return sayBehind(ctx, e, db)
}

// sayBehind says that the newest is missing, if the rollups aren't kept up to date.
func sayBehind(ctx context.Context, e *cli.Env, db *store.Store) error {
	behind, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT rollup
		FROM analytics.rollup_state
		WHERE rollup = 'agg_summary_daily' AND waiting > 0 AND COALESCE(behind_seconds > 120, true)`)
	if err != nil {
		return fmt.Errorf("see how far the rollups are: %w", err)
	}
	if len(behind) > 0 {
		e.Say("numbers lack what was recorded lately: a worker has not added it up yet (rollup_state says how far it is)")
	}
	return nil
}
