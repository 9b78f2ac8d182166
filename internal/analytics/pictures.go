package analytics

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/plot"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Picture is a plot and what its file is called.
type Picture struct {
	Name string
	SVG  []byte
}

// cohorts is how many weeks of joiners are shown, and how many weeks of each.
const cohorts = 13

// Pictures draws the main numbers of a report.
func Pictures(ctx context.Context, db *store.Store, r Report) ([]Picture, error) {
	list := r.pictures()
	err := reading(ctx, db, func(tx pgx.Tx) error {
		week, err := r.week(ctx, tx)
		if err != nil {
			return err
		}
		retention, err := r.retention(ctx, tx)
		list = append(list, Picture{"heatmap", week.SVG()}, Picture{"retention", retention.SVG()})
		return err
	})
	return list, err
}

// SavePictures writes each as a file that stands alone.
func SavePictures(dir string, list []Picture) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a folder for the plots: %w", err)
	}
	for _, p := range list {
		svg := string(plot.File(p.SVG))
		if err := WriteFile(filepath.Join(dir, p.Name+".svg"), func(out io.Writer) error { return write(out, svg) }); err != nil {
			return err
		}
	}
	return nil
}

// pictures are those that the series of the report are enough for.
func (r *Report) pictures() []Picture {
	buckets := plot.Buckets{Labels: r.Days, Unfinished: r.Unended, Gaps: make([]bool, len(r.Days))}
	for i, covered := range r.find("coverage").Series {
		buckets.Gaps[i] = !covered.known() || covered < wholeDay
	}
	series := func(name, metric string) plot.Series {
		s := plot.Series{Name: name}
		for _, v := range r.find(metric).Series {
			s.Values = append(s.Values, float64(v))
		}
		return s
	}
	head := func(title, text string, unit plot.Unit) plot.Head {
		return plot.Head{Title: title + ", " + r.of(), Description: text, Unit: unit}
	}
	active := plot.Lines{
		Head:    head("People active", "People who wrote or reacted in a day, in 7 days and in 28 days up to it.", plot.Count),
		Buckets: buckets, Series: []plot.Series{series("day", "dau"), series("7 days", "wau"), series("28 days", "mau")},
	}
	messages := plot.Bars{
		Head:    head("Messages", "Messages sent in a day, by people and by apps.", plot.Count),
		Buckets: buckets, Series: []plot.Series{series("people", "messages"), series("apps", "messages_app")},
	}
	members := plot.Mirrored{
		Head:    head("Joins and leaves", "How often people joined and left a space in a day, and the difference.", plot.Count),
		Buckets: buckets, Up: series("joined", "joins"), Down: series("left", "leaves"), Net: "net",
	}
	response := plot.Lines{
		Head: head("Time to first response",
			"How long threads begun in a day waited for the first answer of another person, of those that were answered.", plot.Seconds),
		Buckets: buckets, Series: []plot.Series{series("median", "first_response_p50"), series("90th percentile", "first_response_p90")},
	}
	return []Picture{
		{"people-active", active.SVG()}, {"messages", messages.SVG()}, {"joins-and-leaves", members.SVG()}, {"first-response", response.SVG()},
	}
}

func (r *Report) of() string {
	switch {
	case r.Space == allSpaces:
		return "all spaces"
	case r.SpaceName != "":
		return r.SpaceName
	}
	return r.Space
}

func (r *Report) find(metric string) *Number {
	for i := range r.Numbers {
		if r.Numbers[i].Metric == metric {
			return &r.Numbers[i]
		}
	}
	return &Number{}
}

// week is messages by weekday and hour.
func (r *Report) week(ctx context.Context, tx pgx.Tx) (plot.Grid, error) {
	g := plot.Grid{
		Head: plot.Head{
			Title: "Messages an hour by weekday and hour, " + r.of(), Description: "People's messages an hour, the mean of the hours that were watched, by weekday and hour of the reporting zone.",
		},
		Rows: []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"},
	}
	for range g.Rows {
		g.Cells = append(g.Cells, nil)
	}
	for hour := range 24 {
		g.Columns = append(g.Columns, fmt.Sprint(hour))
		for i := range g.Cells {
			g.Cells[i] = append(g.Cells[i], math.NaN())
		}
	}
	rows, _ := tx.Query(ctx, `
		SELECT iso_weekday, hour_of_day, messages
		FROM analytics.heatmap($1::date, $2::date, $3)`, r.window.Since, r.window.Until, r.Space)
	var weekday, hour int
	var messages *float64
	if err := store.Each(rows, []any{&weekday, &hour, &messages}, func() { g.Cells[weekday-1][hour] = float64(value(messages)) }); err != nil {
		return g, fmt.Errorf("read the rhythm of the week: %w", err)
	}
	return g, nil
}

// retention is cohorts of joiners by the weeks after.
func (r *Report) retention(ctx context.Context, tx pgx.Tx) (plot.Grid, error) {
	g := plot.Grid{Head: plot.Head{
		Title: "Retention by weeks after joining, " + r.of(), Description: "Share of those who joined in a week, their number in brackets, who wrote or reacted in each week after.", Unit: plot.Share,
	}}
	for week := range cohorts {
		g.Columns = append(g.Columns, fmt.Sprint(week))
	}
	rows, _ := tx.Query(ctx, `
		SELECT cohort_week, week_number, joiners, active
		FROM analytics.agg_retention_weekly
		WHERE space_id = $1 AND cohort_week >= $2::date - 7 * $3::integer AND cohort_week < $2::date
		ORDER BY cohort_week, week_number`, r.Space, r.window.Until, cohorts)
	var cohort time.Time
	var week, joiners, active int
	if err := store.Each(rows, []any{&cohort, &week, &joiners, &active}, func() {
		name := fmt.Sprintf("%s (%d)", cohort.Format(time.DateOnly), joiners)
		if n := len(g.Rows); n == 0 || g.Rows[n-1] != name {
			g.Rows, g.Cells = append(g.Rows, name), append(g.Cells, nil)
		}
		last := &g.Cells[len(g.Cells)-1]
		for len(*last) <= week {
			*last = append(*last, math.NaN())
		}
		if joiners > 0 {
			(*last)[week] = float64(active) / float64(joiners)
		}
	}); err != nil {
		return g, fmt.Errorf("read the retention: %w", err)
	}
	return g, nil
}
