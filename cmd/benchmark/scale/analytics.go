package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/dashboards"
	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store"
	rollups "github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/statements"
)

// executions of a query, the first of which doesn't count.
const executions = 6

// shortTime is what a query of the rollups may take. Of those that take a fifth of it
// at most only the number is shown.
const shortTime = 50 * time.Millisecond

// ofAnalytics is where the questions of an analyst are shown.
const ofAnalytics = "analytics.md:"

// rebuild computes all rollups, as after a change of the zone.
func rebuild(ctx context.Context, dsn string) (took time.Duration, err error) {
	db, err := openStore(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	began := time.Now()
	if err := rollups.New(db).Rebuild(ctx, time.Time{}, func(int) {}); err != nil {
		return 0, err
	}
	took = time.Since(began)
	if _, err := db.Exec(ctx, `VACUUM (ANALYZE)`); err != nil {
		return 0, fmt.Errorf("analyze the rollups: %w", err)
	}
	return took, nil
}

// asked are what analysts and dashboards ask: every panel, variable and annotation, of
// all spaces and of one, of 90 days; the questions of docs/analytics.md; the functions
// of the schema and stats, of 28 days.
func asked(s *subject) (list []Read, err error) {
	all, err := dashboards.Read()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{} // what several dashboards ask
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d := all[name]
		add := func(title, sql string) error {
			for _, space := range []string{"all", s.space} {
				variables := map[string]string{"zone": "UTC", "range": "day", "space": space}
				text, err := dashboards.Expand(sql, variables, s.until.AddDate(0, 0, -90), s.until)
				if err != nil {
					return fmt.Errorf("%s of %s: %w", title, name, err)
				}
				if !seen[text] {
					short, _, _ := strings.Cut(title, " · ")
					list = append(list, query(fmt.Sprintf("%s: %s, of %s", name, short, oneOr(space)), 0, text, planned))
				}
				seen[text] = true
			}
			return nil
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				err = errors.Join(err, add(p.Title, q.RawSQL))
			}
		}
		for _, a := range d.Annotations.List {
			err = errors.Join(err, add(a.Name, a.Target.RawSQL))
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				err = errors.Join(err, add("the variable "+v.Name, v.Query))
			}
		}
	}
	if err != nil {
		return nil, err
	}
	questions, err := s.questions()
	if err != nil {
		return nil, err
	}
	for _, q := range questions {
		list = append(list, query(q.Place, 0, q.SQL, planned))
	}
	for _, space := range []string{"all", s.space} {
		window := func(*subject) []any { return []any{pgx.QueryExecModeExec, s.until.AddDate(0, 0, -28), s.until, space} }
		list = append(list,
			query("metrics(), of "+oneOr(space), 0, `SELECT metric, value FROM analytics.metrics($1::date, $2::date, $3)`, window),
			query("heatmap(), of "+oneOr(space), 0, `SELECT iso_weekday, messages FROM analytics.heatmap($1::date, $2::date, $3)`, window),
			query("timeseries, of "+oneOr(space), 0, `
				SELECT "time", metric, value
				FROM analytics.timeseries
				WHERE "time" >= $1 AND "time" < $2 AND space_id = $3`, window),
			Read{"subscriber stats, of " + oneOr(space), 0, func(ctx context.Context, s *subject) (int, error) {
				r, err := analytics.Stats(ctx, s.db, analytics.Question{Days: 28, Space: strings.TrimPrefix(space, "all")})
				return len(r.Numbers), err
			}})
	}
	return list, nil
}

// planned are the arguments of a query that is planned each time, as dashboards have it.
func planned(*subject) []any { return []any{pgx.QueryExecModeExec} }

func oneOr(space string) string {
	if space == "all" {
		return "all"
	}
	return "one"
}

// questions are those of docs/analytics.md, about the subject and the last days that
// there are.
func (s *subject) questions() (list []statements.Statement, err error) {
	root, err := statements.Root()
	if err != nil {
		return nil, err
	}
	shown, err := shownQueries(root)
	if err != nil {
		return nil, err
	}
	// The examples ask about a week, which ends on this day.
	later := s.until.Sub(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)).Truncate(24 * time.Hour)
	for _, q := range shown {
		if !strings.HasPrefix(q.Place, ofAnalytics) {
			continue
		}
		q.SQL = regexp.MustCompile(`2026-\d\d-\d\d`).ReplaceAllStringFunc(q.SQL, func(day string) string {
			at, err := time.Parse(time.DateOnly, day)
			if err != nil {
				return day
			}
			return at.Add(later).Format(time.DateOnly)
		})
		q.SQL = strings.NewReplacer("spaces/S", s.space, "users/bob", s.member).Replace(q.SQL)
		list = append(list, q)
	}
	return list, nil
}

// printAnalytics carries out so many times what is asked of the schema analytics, and
// an export.
func printAnalytics(ctx context.Context, out io.Writer, dsn string, until time.Time, times int) error {
	s, err := open(ctx, dsn, until)
	if err != nil {
		return err
	}
	defer s.db.Close()
	list, err := asked(s)
	if err != nil {
		return err
	}
	short, long := 0, 0
	fmt.Fprintf(out, "\n%-60s %10s %10s %10s %10s %10s\n", "panels, questions, numbers", "rows", "pages", "median ms", "longest", "of CPU")
	for _, r := range list {
		c, err := Measure(ctx, s, r, times)
		switch {
		case err != nil:
			return err
		case c.Longest < shortTime/5:
			short++
			continue
		case c.Took > shortTime:
			long++
		}
		fmt.Fprintf(out, "%-60.60s %10d %10d %10.1f %10.1f %10.1f\n", r.Name, c.Rows, c.Pages, ms(c.Took), ms(c.Longest), ms(c.CPU))
	}
	fmt.Fprintf(out, "%d others took less than %.0f ms each; %d of %d had a median above %.0f ms\n", short, ms(shortTime/5), long, len(list), ms(shortTime))
	return printExport(ctx, out, s.db)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// printExport exports all messages in each format.
func printExport(ctx context.Context, out io.Writer, db *store.Store) error {
	fmt.Fprintf(out, "\nexport of fct_messages:\n")
	for _, format := range analytics.Formats() {
		debug.FreeOSMemory()
		var to nowhere
		began := time.Now()
		rows, err := analytics.Export(ctx, db, analytics.Request{Object: "fct_messages", Format: format}, &to)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %-8s %8.0f rows/s, %d bytes/row, process within %d MB\n",
			format, float64(rows)/time.Since(began).Seconds(), to.bytes/max(rows, 1), to.memory>>20)
	}
	return nil
}

// nowhere counts what is written, and looks now and then how much memory the process has.
type nowhere struct {
	bytes, looked int64
	memory        uint64
}

func (n *nowhere) Write(p []byte) (int, error) {
	if n.bytes += int64(len(p)); n.bytes > n.looked {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		n.memory, n.looked = max(n.memory, m.Sys-m.HeapReleased), n.bytes+4<<20
	}
	return len(p), nil
}
