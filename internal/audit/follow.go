package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

const (
	lookEvery = 2 * time.Second  // for what no event tells
	settled   = 10 * time.Minute // nothing of those commits so much later than it happens
)

// follower prints records that arrive.
type follower struct {
	db      *store.Store
	request Request
	filter  *filter

	mu   sync.Mutex // of tell
	tell func([]query.Record) error

	seen map[string]time.Time // records that no event tells, and when they were seen last
}

// follow tells each record that arrives from now on and that the query matches, once,
// until ctx ends. Those of events come as the log gets them, others within seconds.
func follow(ctx context.Context, db *store.Store, r Request, tell func([]query.Record) error, away func(error)) error {
	if r.Content || r.Query.HasText() {
		a := r.action(Page{})
		a.Details = map[string]any{"query": r.Query.String(), "follow": true}
		if err := trail.Commit(ctx, db, a); err != nil {
			return err
		}
	}
	f, err := newFilter(r, time.Now())
	if err != nil {
		return err
	}
	x := &follower{db: db, request: r, filter: f, tell: tell, seen: map[string]time.Time{}}
	if err := x.look(ctx, true); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return analytics.Follow(ctx, db, func(e analytics.Event) error { return x.event(ctx, &e) }, away)
	})
	g.Go(func() error {
		for gax.Sleep(ctx, lookEvery) == nil {
			if err := x.look(ctx, false); err != nil && !analytics.IsAway(err) && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// event tells the record of an event.
func (x *follower) event(ctx context.Context, e *analytics.Event) error {
	f := *x.filter
	rest := strings.ReplaceAll(e.Key, "-", "") + fmt.Sprint(e.Ordinal)
	at := fmt.Sprintf("%0*x", idTime, e.Time.UnixMicro())
	f.conditions = append(slices.Clone(f.conditions), f.oneOf("record_id", []string{at + "e" + rest, at + "m" + rest}))
	list, err := x.read(ctx, &f, e.Time, e.Time.Add(time.Microsecond), 2)
	if err == nil && len(list) > 0 {
		err = x.print(list)
	}
	return err
}

// look tells what gaps, lists of members, rules and people added; at first, it only
// notes what is there.
func (x *follower) look(ctx context.Context, first bool) error {
	now := time.Now()
	for _, of := range []struct {
		back   time.Duration
		toldBy []string
	}{{window, []string{"coverage"}}, {settled, []string{"member_list", "reactor", "trail"}}} {
		f := *x.filter
		f.conditions = append(slices.Clone(f.conditions), f.oneOf("told_by", of.toldBy))
		list, err := x.read(ctx, &f, now.Add(-of.back), f.until, maxLimit)
		if err != nil {
			return err
		}
		slices.Reverse(list) // the oldest first
		fresh := slices.DeleteFunc(list, func(r query.Record) bool {
			_, before := x.seen[r.ID]
			x.seen[r.ID] = now
			return before || first
		})
		if len(fresh) > 0 {
			if err := x.print(fresh); err != nil {
				return err
			}
		}
	}
	for id, last := range x.seen {
		if now.Sub(last) > settled { // it isn't looked for any more
			delete(x.seen, id)
		}
	}
	return nil
}

// read returns what the filter leaves of a time.
func (x *follower) read(ctx context.Context, f *filter, since, until time.Time, limit int) (list []query.Record, err error) {
	err = f.inTransaction(ctx, x.db, x.request, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, f.sql(columns), f.values(latest(since, f.since), earliest(until, f.until), limit)...)
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[query.Record])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("follow the audit log: %w", err)
	}
	if !x.request.Content {
		hide(list)
	}
	return list, nil
}

func (x *follower) print(list []query.Record) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.tell(list)
}

// printFollow prints a line for each record that arrives.
func printFollow(ctx context.Context, env *cli.Env, db *store.Store, text string, r Request) (err error) {
	if r.Query, err = parse(ctx, db, text, time.Now()); err != nil {
		return err
	}
	p := printer{env: env}
	tell := p.print
	if env.Format == cli.Table {
		tell = func(list []query.Record) error {
			for _, one := range list {
				var cells []string
				for _, c := range tableColumns() {
					if v := c.Value(one); v != "" {
						cells = append(cells, v)
					}
				}
				env.Print("%s\n", strings.Join(cells, "  "))
			}
			return nil
		}
	}
	err = follow(ctx, db, r, tell, func(err error) { env.Say("%v; waiting for it", err) })
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == "42501" { // insufficient_privilege
		return cli.WrongConfiguration("--follow reads the event log, too: make this role a member of spacekeeper_worker: %w", err)
	}
	return err
}
