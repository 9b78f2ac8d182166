package analytics

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/plot"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// SchemaVersion is that of the JSON that a [Report] becomes: what is added leaves it
// as it is.
const SchemaVersion = 1

// allSpaces stands for all spaces in the schema.
const allSpaces = "all"

// wholeDay is the share from which plots take a day for watched: a quarter of an hour
// of one space may be missing, and of all spaces hardly more.
const wholeDay = 0.99

// Window is days of the reporting zone, from one to before another.
type Window struct {
	Since time.Time
	Until time.Time
}

func (w Window) days() int { return int(w.Until.Sub(w.Since) / (24 * time.Hour)) }

func (w Window) before() Window { return Window{w.Since.AddDate(0, 0, -w.days()), w.Since} }

// Value is a number, or NaN where nobody knows it, which JSON shows as null.
type Value float64

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) {
	if !v.known() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(v), 'f', -1, 64), nil
}

func (v Value) known() bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

var unknown = Value(math.NaN())

// Number is a metric in a window.
type Number struct {
	Metric      string  `json:"metric"`
	Section     string  `json:"section"`
	Title       string  `json:"title"`
	Definition  string  `json:"definition"`
	Unit        string  `json:"unit"`
	Direction   string  `json:"direction"` // up or down is good; context if neither
	Denominates string  `json:"denominator_of,omitempty"`
	Value       Value   `json:"value"`
	Numerator   Value   `json:"numerator"`
	Denominator Value   `json:"denominator"`
	Coverage    Value   `json:"coverage_ratio"`
	Partial     bool    `json:"is_partial"`
	Before      Value   `json:"before"`
	PartBefore  bool    `json:"before_is_partial"`
	Change      Value   `json:"change"`
	Verdict     string  `json:"verdict,omitempty"` // better, worse or same
	Series      []Value `json:"series,omitempty"`  // by day
}

// Report is all numbers of a window.
type Report struct {
	Version   int      `json:"schema_version"`
	Space     string   `json:"space_id"` // all for all
	SpaceName string   `json:"space_name,omitempty"`
	Since     string   `json:"since"`
	Until     string   `json:"until"` // the first day that doesn't count
	Unended   bool     `json:"still_goes_on"`
	Days      []string `json:"days"` // of series
	Numbers   []Number `json:"metrics"`

	window Window
	first  time.Time // day that anything is recorded of
	today  time.Time
}

// Question says what to read.
type Question struct {
	Space string    // "spaces/S"; "" for all
	Days  int       // before today; 0: from Since
	Since time.Time // a day
}

// SetSince makes the window begin so long ago, or with the day of a time where that
// is 0. Days are whole.
func (q *Question) SetSince(ago time.Duration, at time.Time) {
	const day = 24 * time.Hour
	q.Days, q.Since = int((ago+day-1)/day), at.UTC().Truncate(day)
}

// Stats reads the numbers of a window that ends with the last day that has ended, and
// of the window of equal length before it. Where nothing was recorded before today,
// it ends with today.
func Stats(ctx context.Context, db *store.Store, q Question) (r Report, err error) {
	err = reading(ctx, db, func(tx pgx.Tx) error {
		r, err = stats(ctx, tx, q)
		return err
	})
	return r, err
}

// reading calls read with one state of the database.
func reading(ctx context.Context, db *store.Store, read func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, db.Pool(), options, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '60s', true), set_config('jit', 'off', true)`); err != nil {
			return fmt.Errorf("read numbers: %w", err)
		}
		return read(tx)
	})
}

func stats(ctx context.Context, tx pgx.Tx, q Question) (Report, error) {
	r := Report{Version: SchemaVersion, Space: allSpaces}
	if q.Space != "" {
		r.Space = q.Space
		if err := tx.QueryRow(ctx, `
			SELECT COALESCE(max(display_name), '') FROM analytics.dim_spaces WHERE space_id = $1`, q.Space).Scan(&r.SpaceName); err != nil {
			return r, fmt.Errorf("read the name of %s: %w", q.Space, err)
		}
	} else if err := checkAll(ctx, tx); err != nil {
		return r, err
	}
	var first, today *time.Time
	if err := tx.QueryRow(ctx, `SELECT min(activity_date), max(activity_date) FROM analytics.dim_dates`).Scan(&first, &today); err != nil {
		return r, fmt.Errorf("read which days there are: %w", err)
	}
	if first == nil {
		return r, cli.Usage("nothing is recorded so far: there are no numbers")
	}
	r.first, r.today = *first, *today
	w := Window{Since: q.Since, Until: *today}
	if first.Equal(*today) {
		w.Until, r.Unended = today.AddDate(0, 0, 1), true
	}
	if q.Days > 0 {
		w.Since = w.Until.AddDate(0, 0, -q.Days)
	}
	const maxDays = 3660
	if w.days() > maxDays {
		return r, cli.Usage("--since: want at most %d days", maxDays)
	}
	if !w.Since.Before(w.Until) {
		return r, cli.Usage("--since %s: want a day before %s, the first that doesn't count", w.Since.Format(time.DateOnly), w.Until.Format(time.DateOnly))
	}
	r.window, r.Since, r.Until = w, w.Since.Format(time.DateOnly), w.Until.Format(time.DateOnly)
	for day := w.Since; day.Before(w.Until); day = day.AddDate(0, 0, 1) {
		r.Days = append(r.Days, day.Format(time.DateOnly))
	}
	return r, r.fill(ctx, tx)
}

// fill reads the numbers of the report's window.
func (r *Report) fill(ctx context.Context, tx pgx.Tx) error {
	now, err := measure(ctx, tx, r.window, r.Space)
	if err != nil {
		return err
	}
	before, err := measure(ctx, tx, r.window.before(), r.Space)
	if err != nil {
		return err
	}
	// Yesterday's threads don't count as unanswered, so that the window lacks a day.
	if short := r.window.before(); r.window.Until.Equal(r.today) && r.window.days() > 1 {
		short.Until = short.Until.AddDate(0, 0, -1)
		if before["unanswered"], err = unanswered(ctx, tx, short, r.Space); err != nil {
			return err
		}
	}
	series, err := r.series(ctx, tx)
	if err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, `
		SELECT metric, section, title, definition, unit, direction, COALESCE(denominator, '')
		FROM analytics.metric_definitions`)
	var n Number
	if err := store.Each(rows, []any{&n.Metric, &n.Section, &n.Title, &n.Definition, &n.Unit, &n.Direction, &n.Denominates}, func() {
		m, ok := now[n.Metric]
		if !ok {
			return // a table of its own
		}
		one := n
		one.Value, one.Numerator, one.Denominator, one.Coverage, one.Partial = m.value, m.numerator, m.denominator, m.coverage, m.partial
		one.Series = series[n.Metric]
		one.compare(before[n.Metric])
		if r.window.before().Since.Before(r.first) {
			one.Verdict = "" // a part of it was before anything was recorded
		}
		r.Numbers = append(r.Numbers, one)
	}); err != nil {
		return fmt.Errorf("read the definitions of metrics: %w", err)
	}
	return nil
}

// measured is a metric in a window.
type measured struct {
	value, numerator, denominator, coverage Value
	partial                                 bool
}

func measure(ctx context.Context, tx pgx.Tx, w Window, space string) (map[string]measured, error) {
	rows, _ := tx.Query(ctx, `
		SELECT metric, value, numerator, denominator, coverage_ratio, COALESCE(is_partial, false)
		FROM analytics.metrics($1::date, $2::date, $3)`, w.Since, w.Until, space)
	all := map[string]measured{}
	var metric string
	var numbers [4]*float64
	var m measured
	err := store.Each(rows, []any{&metric, &numbers[0], &numbers[1], &numbers[2], &numbers[3], &m.partial}, func() {
		m.value, m.numerator, m.denominator, m.coverage = value(numbers[0]), value(numbers[1]), value(numbers[2]), value(numbers[3])
		all[metric] = m
	})
	if err != nil {
		return nil, fmt.Errorf("read the metrics from %s to %s: %w", w.Since.Format(time.DateOnly), w.Until.Format(time.DateOnly), err)
	}
	return all, nil
}

// unanswered is what metrics() says of that metric, without the others.
func unanswered(ctx context.Context, tx pgx.Tx, w Window, space string) (measured, error) {
	var n, covered *float64
	err := tx.QueryRow(ctx, `
		SELECT (SELECT sum(roots - answered)::double precision
				FROM analytics.agg_response_daily
				WHERE space_id = $3 AND activity_date >= $1 AND activity_date < $2),
			(SELECT sum(coverage_ratio)::double precision / ($2::date - $1::date)
				FROM analytics.agg_summary_daily
				WHERE space_id = $3 AND activity_date >= $1 AND activity_date < $2)`, w.Since, w.Until, space).Scan(&n, &covered)
	if err != nil {
		return measured{}, fmt.Errorf("read the unanswered threads from %s on: %w", w.Since.Format(time.DateOnly), err)
	}
	return measured{value: value(n), coverage: value(covered), partial: covered == nil || *covered < 0.8}, nil
}

func value(v *float64) Value {
	if v == nil {
		return unknown
	}
	return Value(*v)
}

// compare fills in the window before. Of one in which nothing was watched a count of
// zero means nothing.
func (n *Number) compare(m measured) {
	n.Before, n.PartBefore, n.Change = m.value, m.partial, unknown
	if !m.coverage.known() || m.coverage == 0 {
		n.Before = unknown
	}
	if !n.Value.known() || !n.Before.known() {
		return
	}
	n.Change = n.Value - n.Before
	switch {
	case n.Direction == "context":
	case n.unit().Text(float64(n.Value)) == n.unit().Text(float64(n.Before)):
		n.Verdict = "same"
	case (n.Change > 0) == (n.Direction == "up"):
		n.Verdict = "better"
	default:
		n.Verdict = "worse"
	}
}

// unit is how the number is written.
func (n *Number) unit() plot.Unit {
	switch n.Unit {
	case "ratio":
		return plot.Share
	case "seconds":
		return plot.Seconds
	}
	return plot.Count
}

// series reads a value for each day of the window, by metric.
func (r *Report) series(ctx context.Context, tx pgx.Tx) (map[string][]Value, error) {
	var starts, ends *time.Time
	index := map[int64]int{} // of days, by when they begin
	rows, _ := tx.Query(ctx, `
		SELECT activity_date, starts_at, ends_at
		FROM analytics.dim_dates
		WHERE activity_date >= $1 AND activity_date < $2
		ORDER BY activity_date`, r.window.Since, r.window.Until)
	var day, from, to time.Time
	if err := store.Each(rows, []any{&day, &from, &to}, func() {
		begin, end := from, to
		if starts == nil {
			starts = &begin
		}
		ends = &end
		index[from.UnixMicro()] = slices.Index(r.Days, day.Format(time.DateOnly))
	}); err != nil {
		return nil, fmt.Errorf("read which days there are: %w", err)
	}
	all := map[string][]Value{}
	if starts == nil {
		return all, nil
	}
	rows, _ = tx.Query(ctx, `
		SELECT metric, "time", value
		FROM analytics.timeseries
		WHERE space_id = $1 AND "time" >= $2 AND "time" < $3`, r.Space, starts, ends)
	var metric string
	var at time.Time
	var v *float64
	if err := store.Each(rows, []any{&metric, &at, &v}, func() {
		i, ok := index[at.UnixMicro()]
		if !ok {
			return
		}
		if all[metric] == nil {
			all[metric] = slices.Repeat([]Value{unknown}, len(r.Days))
		}
		// What metrics() leaves out, as threads may still be answered.
		if young, ok := map[string]int{"unanswered": 1, "reply_coverage": 7, "response_by_reaction": 7}[metric]; ok &&
			!r.window.Since.AddDate(0, 0, i).Before(r.today.AddDate(0, 0, -young)) {
			return
		}
		all[metric][i] = value(v)
	}); err != nil {
		return nil, fmt.Errorf("read the series of metrics: %w", err)
	}
	return all, nil
}
