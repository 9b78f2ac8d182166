package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// window is how far back a search looks that doesn't say since when.
const window = 90 * 24 * time.Hour

// A search looks at first so far back, and goes on by steps that follow from what it
// has found: what is frequent is found without reading all of it, and what is rare
// doesn't take many steps. No step is longer than the one before by more than maxGrowth.
const (
	firstStep = 10 * time.Minute
	maxGrowth = 24
)

// Request says what to search for.
type Request struct {
	Query   query.Query // resolved
	After   string      // id of the record after which a page begins; "" for the first page
	Limit   int
	Content bool   // whether what messages say is shown
	Reason  string // why, for the trail: it gets a record if texts are shown or searched
}

// Page is a part of what a search finds.
type Page struct {
	Records []query.Record
	Since   time.Time // the search found nothing older than that, if there is no more
	More    bool      // whether older ones follow within the window
}

// Search returns a page of records, newest first. Now is the time that the default
// window ends. Texts are shown or searched only once that is in the trail.
func Search(ctx context.Context, db *store.Store, r Request, now time.Time) (p Page, err error) {
	f, err := newFilter(r, now)
	if err != nil {
		return p, err
	}
	p.Since = f.since
	err = f.inTransaction(ctx, db, r, func(tx pgx.Tx) error {
		found, err := f.find(ctx, tx, r.Limit+1)
		if err != nil || len(found) == 0 {
			return err
		}
		p.More = len(found) > r.Limit
		found = found[:min(len(found), r.Limit)]
		p.Records, err = f.fetch(ctx, tx, found)
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("search the audit log: %w", err)
	}
	if !r.Content {
		hide(p.Records)
	}
	if r.Content || r.Query.HasText() {
		err = trail.Commit(ctx, db, r.action(p))
	}
	if err != nil {
		return Page{}, err
	}
	return p, nil
}

// inTransaction looks for what a request asks for, if it may.
func (f *filter) inTransaction(ctx context.Context, db *store.Store, r Request, do func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, db.Pool(), options, func(tx pgx.Tx) error {
		// A step finds a page: its rows are looked up one by one, not joined with whole
		// tables. To plan it takes longer than that, so a connection does it once.
		if _, err := tx.Exec(ctx, `
			SELECT set_config('statement_timeout', '5min', true), set_config('jit', 'off', true),
				set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_hashjoin', 'off', true),
				set_config('enable_mergejoin', 'off', true)`); err != nil {
			return err
		}
		if r.Content || r.Query.HasText() {
			if err := mayRead(ctx, tx); err != nil {
				return err
			}
		}
		return do(tx)
	})
}

// action is what the trail says of a page with texts.
func (r Request) action(p Page) trail.Action {
	a := trail.Action{
		Name: "access.text_searched", Reason: r.Reason,
		Details: map[string]any{"query": r.Query.String(), "since": p.Since, "records": len(p.Records)},
	}
	if r.Content {
		a.Name = "access.content_viewed"
	}
	if r.After != "" {
		a.Details["after"] = r.After
	}
	return a
}

// mayRead errs for who may not read what messages say. It is asked before anything of
// that is read, whoever reads it.
func mayRead(ctx context.Context, tx pgx.Tx) error {
	var sees bool
	if err := tx.QueryRow(ctx, `
		SELECT sees_text
		FROM analytics.about`).Scan(&sees); err != nil {
		return fmt.Errorf("see whether texts may be read: %w", err)
	}
	if !sees {
		return errNoContent
	}
	return nil
}

// filter is a search as Postgres carries it out.
type filter struct {
	conditions   []string
	args         []any
	since, until time.Time // the window
	near         time.Time // where the first step begins: no record is much newer
}

func newFilter(r Request, now time.Time) (*filter, error) {
	f := &filter{until: now.AddDate(1000, 0, 0), near: now}
	for _, group := range r.Query.Groups() {
		t := group[0]
		if t.Key != "created" || t.Not {
			f.add(group)
			continue
		}
		f.since, f.until = latest(f.since, t.From), earliest(f.until, t.Until)
	}
	if f.since.IsZero() { // the window is that of the first page
		f.since = earliest(now, f.until).Add(-window)
	}
	if r.After != "" {
		at, ok := timeOf(r.After)
		if !ok {
			return nil, wrongID("--after", r.After)
		}
		f.until = earliest(f.until, at.Add(time.Microsecond))
		// Most rows need no id to be told apart.
		f.conditions = append(f.conditions, "(occurred_at < "+f.bind(at)+" OR record_id < "+f.bind(r.After)+")")
	}
	f.near = earliest(f.near, f.until)
	return f, nil
}

func earliest(x, y time.Time) time.Time {
	if y.Before(x) {
		return y
	}
	return x
}

func latest(x, y time.Time) time.Time {
	if y.After(x) {
		return y
	}
	return x
}

func (f *filter) bind(value any) string {
	f.args = append(f.args, value)
	return fmt.Sprint("$", len(f.args)+3) // after those of a step
}

// add adds the condition that one of the terms is true. What no row of a table can
// be is told by columns by which Postgres leaves it out unread.
func (f *filter) add(group []query.Term) {
	var parts, exact, like []string
	var actions []query.Action
	key := group[0].Key
	for _, t := range group {
		switch {
		case key == "action":
			actions = append(actions, query.ActionsLike(t.Value)...)
		case key == "created":
			parts = append(parts, "occurred_at >= "+f.bind(t.From)+" AND occurred_at < "+f.bind(t.Until))
		case key == "age":
			age := "extract(epoch FROM occurred_at - target_created_at) * 1000000"
			parts = append(parts, age+" >= "+f.bind(t.Least.Microseconds())+" AND "+age+" < "+f.bind(t.Limit.Microseconds()))
		case key == "changed":
			parts = append(parts, f.bind(t.Value)+" = ANY (changed)")
		case key == query.Text:
			pattern := f.bind("%" + escapeLike(t.Value) + "%")
			parts = append(parts, "prior_state ->> 'text' ILIKE "+pattern, "resulting_state ->> 'text' ILIKE "+pattern)
		case strings.Contains(t.Value, "*"):
			like = append(like, strings.ReplaceAll(escapeLike(t.Value), "*", "%"))
		default:
			exact = append(exact, t.Value)
		}
	}
	column := map[string]string{
		"actor": "actor_id", "actor_kind": "actor_kind", "class": "resulting_state ->> 'deletion_class'", "source": "source",
		"space": "space_id", "target": "target_id", "thread": "thread_id",
	}[key]
	if len(exact) > 0 {
		parts = append(parts, f.oneOf(column, exact))
	}
	if len(like) > 0 {
		parts = append(parts, column+" LIKE ANY ("+f.bind(like)+"::text[])")
	}
	if len(actions) > 0 {
		parts = append(parts, f.oneOf("action", names(actions, func(a query.Action) []string { return []string{a.Name} })))
	}
	condition := "(" + strings.Join(parts, " OR ") + ")"
	if group[0].Not {
		f.conditions = append(f.conditions, condition+" IS NOT TRUE")
		return
	}
	f.conditions = append(f.conditions, condition)
	switch key {
	case "changed":
		actions = append(query.ActionsLike("message.edited"), append(query.ActionsLike("space.*"), query.ActionsLike("member.*")...)...)
	case "class":
		actions = query.ActionsLike("message.deleted")
	case "age":
		actions = append(query.ActionsLike("message.*"), query.ActionsLike("reaction.*")...)
	}
	if len(actions) > 0 {
		f.conditions = append(f.conditions, f.oneOf("category", names(actions, func(a query.Action) []string { return []string{a.Category} })),
			f.oneOf("told_by", names(actions, func(a query.Action) []string { return a.ToldBy })))
	}
}

// oneOf tells one value from several: Postgres expects an array to be long.
func (f *filter) oneOf(column string, values []string) string {
	if len(values) == 1 {
		return column + " = " + f.bind(values[0])
	}
	return column + " = ANY (" + f.bind(values) + "::text[])"
}

func names(actions []query.Action, of func(query.Action) []string) (list []string) {
	for _, a := range actions {
		list = append(list, of(a)...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// place is where a record is.
type place struct {
	At time.Time
	ID string
}

// find looks for records step by step, and returns where up to a limit of them are.
func (f *filter) find(ctx context.Context, tx pgx.Tx, limit int) (found []place, err error) {
	until, step := f.until, firstStep
	for len(found) < limit && f.since.Before(until) {
		since := latest(f.since, earliest(f.near, until).Add(-step))
		rows, _ := tx.Query(ctx, f.sql("occurred_at, record_id"), f.values(since, until, limit-len(found))...)
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[place])
		if err != nil {
			return nil, err
		}
		found, until = append(found, list...), since
		growth := maxGrowth
		if len(list) > 0 {
			growth = min(growth, 2+2*(limit-len(found))/len(list))
		}
		step *= time.Duration(growth)
	}
	return found, nil
}

const columns = `record_id, occurred_at, recorded_at, category, action, actor_id, actor_name, actor_kind, space_id, space_name,
		target_type, target_id,
	target_name, thread_id, target_created_at, prior_state, resulting_state, changed, source, told_by`

// fetch reads the records that were found: nothing else that the query matches is
// between them.
func (f *filter) fetch(ctx context.Context, tx pgx.Tx, found []place) ([]query.Record, error) {
	rows, _ := f.query(ctx, tx, found)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[query.Record])
}

func (f *filter) query(ctx context.Context, tx pgx.Tx, found []place) (pgx.Rows, error) {
	first, last := found[0], found[len(found)-1]
	within := *f
	within.conditions = append(slices.Clone(f.conditions), "record_id >= "+within.bind(last.ID))
	return tx.Query(ctx, within.sql(columns), within.values(last.At, first.At.Add(time.Microsecond), len(found))...)
}

// sql takes the values of a step first.
func (f *filter) sql(columns string) string {
	parts := []string{"SELECT", columns, "FROM analytics.audit_log WHERE occurred_at >= $1 AND occurred_at < $2"}
	for _, c := range f.conditions {
		parts = append(parts, "AND", c)
	}
	return strings.Join(append(parts, "ORDER BY occurred_at DESC, record_id DESC LIMIT $3"), " ")
}

func (f *filter) values(since, until time.Time, limit int) []any {
	return append([]any{since, until, limit}, f.args...)
}
