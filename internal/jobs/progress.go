package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/rivertype"
)

// standstill is how late a job may be that nobody has taken.
const standstill = time.Minute

// Progress notes that a client's attempts go on, to tell queues that are long
// from queues that stand still. Give one to [NewClient].
type Progress struct {
	mu     sync.Mutex
	queues map[string]*attempts
}

type attempts struct {
	running int
	last    time.Time // when one began or ended
}

// NewProgress begins now, in these queues.
func NewProgress(queues map[string]int) *Progress {
	p := &Progress{queues: map[string]*attempts{}}
	for name := range queues {
		p.queues[name] = &attempts{last: time.Now()}
	}
	return p
}

// work is the middleware that notes an attempt.
func (p *Progress) work(ctx context.Context, job *rivertype.JobRow, attempt func(context.Context) error) error {
	note := func(change int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if q := p.queues[job.Queue]; q != nil {
			q.running, q.last = q.running+change, time.Now()
		}
	}
	note(1)
	defer note(-1)
	return attempt(ctx)
}

// idle reports whether nothing has been going on in a queue for long.
func (p *Progress) idle(queue string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queues[queue]
	return q.running == 0 && now.Sub(q.last) > standstill
}

// Standstill says which queues have jobs that are late, although this process has
// nothing to do in them. It waits for no lock.
func (p *Progress) Standstill(ctx context.Context, pool *pgxpool.Pool) (late []string, err error) {
	var names []string
	for name := range p.queues {
		names = append(names, name)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '1s'`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			SELECT q.name, s.state, extract(epoch FROM clock_timestamp() - j.scheduled_at)::float8
			FROM unnest($1::text[]) AS q (name)
			CROSS JOIN unnest(ARRAY['available', 'retryable', 'scheduled']::river_job_state[]) AS s (state)
			CROSS JOIN LATERAL (
				SELECT scheduled_at
				FROM river_job
				WHERE state = s.state AND queue = q.name
				ORDER BY priority, scheduled_at, id
				LIMIT 1
			) j
			WHERE j.scheduled_at < clock_timestamp() - $2::interval
			ORDER BY 1, 2`, names, standstill)
		if err != nil {
			return err
		}
		var name, state string
		var seconds float64
		_, err = pgx.ForEachRow(rows, []any{&name, &state, &seconds}, func() error {
			by := time.Duration(seconds * float64(time.Second)).Round(time.Second)
			switch {
			case state != string(rivertype.JobStateAvailable):
				late = append(late, fmt.Sprintf("a job of the queue %s has been due for %s, and no worker leads", name, by))
			case p.idle(name, time.Now()):
				late = append(late, fmt.Sprintf("a job of the queue %s has been due for %s, and isn't taken", name, by))
			}
			return nil
		})
		return err
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "55P03" { // lock_not_available: whoever looks for locks finds it
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for jobs that are late: %w", err)
	}
	return late, nil
}
