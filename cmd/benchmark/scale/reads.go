package scale

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// Read is something that the program or a reader asks of the database.
type Read struct {
	Name     string
	MaxPages int64 // more would mean that it reads what it doesn't need; 0: it grows with the spaces or the time asked for
	run      func(ctx context.Context, s *subject) (rows int, err error)
}

// Cost is what a read took, of pages that were read before.
type Cost struct {
	Rows          int
	Pages         int64 // of tables and indexes, each time that one was looked at
	Scanned       int64 // rows of tables that were read in their order
	Took, Longest time.Duration
	CPU           time.Duration // of the server: on a busy machine the rest of the time is others'; 0 where the system doesn't tell
}

// subject is what reads ask about: something of the middle of what there is, of
// the size of many.
type subject struct {
	db                            *store.Store
	log                           *eventlog.Log
	runs                          *runs.Runs
	coverage                      *coverage.Coverage
	until, middle                 time.Time
	space, member, message, about string // about is the message's thread
	reactor                       string
	key                           items.Key
	pid                           int // of the server's process
}

// errEnough ends what goes on page by page.
var errEnough = errors.New("that is enough")

// pageRows is how many rows the pages of the log have.
const pageRows = 500

// Reads are the usual ones. History is told newest last, page by page: one page is
// what a reader waits for.
func Reads() []Read {
	return []Read{
		{"facts of one event", 2_000, tellFacts},
		{"a page of a space's history", 2_500, func(ctx context.Context, s *subject) (int, error) {
			return page(func(tell func() error) error {
				return s.log.Each(ctx, originals.Filter{Space: s.space}, func(originals.Event) error { return tell() })
			})
		}},
		{"a page of a replay, in the middle", 8_000, func(ctx context.Context, s *subject) (int, error) {
			return page(func(tell func() error) error {
				return s.log.History(ctx, s.middle, s.until, reactors.Filter{}, func(reactors.Change) error { return tell() })
			})
		}},
		query("who was in one space, from when to when", 1_000, `
			SELECT member, joined_at, left_at
			FROM membership_intervals
			WHERE space = $1`, func(s *subject) []any { return []any{s.space} }),
		query("where one person was, from when to when", 200, `
			SELECT space, joined_at, left_at
			FROM membership_intervals
			WHERE member = $1`, func(s *subject) []any { return []any{s.member} }),
		query("the newest events", 400, `
			SELECT *
			FROM event_log
			ORDER BY event_time DESC
			LIMIT 20`, nil),
		query("the newest messages", 400, `
			SELECT *
			FROM messages
			ORDER BY create_time DESC
			LIMIT 20`, nil),
		{"the bytes of one event, by its key", 0, func(ctx context.Context, s *subject) (int, error) {
			list, err := s.log.Payloads(ctx, s.key)
			return len(list), err
		}},
		{"subscribe-setup status, of the database", 0, status},
		{"subscriber reactors list", 0, func(ctx context.Context, s *subject) (int, error) {
			list, err := s.runs.OutcomeCounts(ctx, s.until.Add(-24*time.Hour))
			if err == nil {
				_, err = s.runs.Switches(ctx)
			}
			return len(list), err
		}},
		{"subscriber reactors runs of a rule", 2_500, func(ctx context.Context, s *subject) (int, error) {
			list, err := s.runs.List(ctx, runs.Filter{Reactor: s.reactor})
			return len(list), err
		}},
		{"a replay of 14 days", 0, func(ctx context.Context, s *subject) (n int, err error) {
			err = s.log.History(ctx, s.until.AddDate(0, 0, -14), s.until, reactors.Filter{}, func(reactors.Change) error {
				n++
				return nil
			})
			return n, err
		}},
	}
}

// query reads all rows of a query.
func query(name string, maxPages int64, sql string, args func(*subject) []any) Read {
	return Read{name, maxPages, func(ctx context.Context, s *subject) (n int, err error) {
		var values []any
		if args != nil {
			values = args(s)
		}
		rows, err := s.db.Pool().Query(ctx, sql, values...)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			n++
		}
		return n, rows.Err()
	}}
}

// page counts what a page tells.
func page(read func(tell func() error) error) (n int, err error) {
	err = read(func() error {
		if n++; n == pageRows {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return n, err
}

func tellFacts(ctx context.Context, s *subject) (int, error) {
	run := reactors.Run{}
	run.Facts.Space.Name, run.Facts.Member.Name, run.Facts.Message.Name, run.Facts.Message.Thread = s.space, s.member, s.message, s.about
	run.Facts.Event.Time = s.middle
	all := reactors.NeedSpace | reactors.NeedMember | reactors.NeedPosts | reactors.NeedThread | reactors.NeedSpaceActivity | reactors.NeedWeek
	_, err := s.log.FactsAsOf(ctx, run, all, s.middle)
	return 1, err
}

func status(ctx context.Context, s *subject) (int, error) {
	day := s.until.Add(-24 * time.Hour)
	gaps, err := s.coverage.Gaps(ctx)
	var covered map[string]coverage.Covered
	if err == nil {
		covered, err = s.coverage.Summary(ctx, day, s.until)
	}
	var active map[string]coverage.Activity
	if err == nil {
		active, err = s.coverage.LastEvents(ctx, day)
	}
	if err == nil {
		_, _, err = s.coverage.Lag(ctx, day)
	}
	if err == nil {
		_, err = s.coverage.SubscriptionStates(ctx)
	}
	return len(gaps) + len(covered) + len(active), err
}

// Measure carries out a read so many times, unless that takes long, and leaves out
// the first: one connection does it all, so that what the server counts is its.
func Measure(ctx context.Context, s *subject, r Read, times int) (c Cost, err error) {
	var took, used []time.Duration
	for len(took) < times && c.Took < 5*time.Second {
		before, err := counters(ctx, s.db.Pool())
		if err != nil {
			return c, err
		}
		began, cpu := time.Now(), s.cpu()
		if c.Rows, err = r.run(ctx, s); err != nil {
			return c, fmt.Errorf("%s: %w", r.Name, err)
		}
		c.Took = time.Since(began)
		took, used = append(took, c.Took), append(used, s.cpu()-cpu)
		after, err := counters(ctx, s.db.Pool())
		if err != nil {
			return c, err
		}
		c.Pages, c.Scanned = after.Pages-before.Pages, after.Scanned-before.Scanned
	}
	if len(took) > 1 {
		took, used = took[1:], used[1:]
	}
	slices.Sort(took)
	slices.Sort(used)
	c.Took, c.Longest, c.CPU = took[len(took)/2], slices.Max(took), used[len(used)/2]
	return c, nil
}

// cpu is for how long the server's process has run, as Linux tells it.
func (s *subject) cpu() time.Duration {
	var ns int64
	if text, err := readfile.Regular(fmt.Sprintf("/proc/%d/schedstat", s.pid), 1<<10); err == nil {
		_, _ = fmt.Sscan(string(text), &ns)
	}
	return time.Duration(ns)
}

func counters(ctx context.Context, pool *pgxpool.Pool) (c Cost, err error) {
	if _, err = pool.Exec(ctx, `SELECT pg_stat_force_next_flush()`); err == nil {
		err = pool.QueryRow(ctx, `
			SELECT sum(heap_blks_read + heap_blks_hit + COALESCE(idx_blks_read + idx_blks_hit, 0))::bigint, sum(seq_tup_read)::bigint
			FROM pg_statio_user_tables
			JOIN pg_stat_user_tables USING (relid)`).Scan(&c.Pages, &c.Scanned)
	}
	if err != nil {
		return c, fmt.Errorf("read the server's counters: %w", err)
	}
	return c, nil
}

// open finds what to ask about. The caller closes the store.
func open(ctx context.Context, dsn string, until time.Time) (*subject, error) {
	db, err := store.Open(ctx, dsn, store.Options{Timeout: 10 * time.Minute, MaxConns: 1})
	if err != nil {
		return nil, err
	}
	s := &subject{db: db, coverage: coverage.New(db), until: until}
	if s.log, s.runs, err = openLog(db); err == nil {
		err = db.Pool().QueryRow(ctx, `
			WITH busy AS (
				SELECT p.id, p.space, count(*) AS events
				FROM spaces p
				JOIN events e ON e.space_id = p.id AND e.event_time > $1::timestamptz - interval '20 days'
				WHERE p.id % 7 = 0
				GROUP BY p.id, p.space
				ORDER BY events DESC
				LIMIT 1
			)
			SELECT b.space, u.user_name, full_name(m.name, b.space || '/messages'), full_name(split_part(m.name, '.', 1), b.space || '/threads'),
				m.create_time + interval '1 second', m.version_key, (SELECT reactor FROM reactor_runs ORDER BY id DESC LIMIT 1),
				pg_backend_pid()
			FROM busy b
			JOIN stored_messages m ON m.space_id = b.id AND m.create_time > $1::timestamptz - interval '20 days'
			JOIN users u ON u.id = m.sender_id
			WHERE m.deleted_at IS NULL
			ORDER BY m.create_time
			LIMIT 1`, until).Scan(&s.space, &s.member, &s.message, &s.about, &s.middle, &s.key, &s.reactor, &s.pid)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("find what to ask about: %w", err)
	}
	return s, nil
}
