package analytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Rollups keeps them in a database.
type Rollups struct {
	db *store.Store
	// Limits of one transaction. Tests make them small.
	maxChanges, maxDays int
	part                int // of a rebuild: so many days at once, then 20 times as many spaces
	// What is read from messages costs most: it rests so many times as long as it took.
	rest         time.Duration
	contentAfter time.Time
}

// New returns the rollups of a database.
func New(db *store.Store) *Rollups {
	return &Rollups{db: db, maxChanges: 50_000, maxDays: 2_000, part: 1, rest: 20}
}

// errBusy is that another replica makes a pass.
var errBusy = errors.New("another pass is being made")

// Pass brings the rollups up to date. It reports whether it found anything to do;
// if another process makes a pass, it does nothing.
func (r *Rollups) Pass(ctx context.Context) (worked bool, err error) {
	began := r.db.Now()
	taken := []string{} // what comes in meanwhile is for the next pass
	for ctx.Err() == nil {
		more, err := r.step(ctx, began, &taken)
		switch {
		case errors.Is(err, errBusy):
			return worked, nil
		case err != nil:
			return worked, fmt.Errorf("bring the rollups up to date: %w", err)
		case !more:
			return worked, nil
		}
		worked = true
	}
	return worked, ctx.Err()
}

// step does a bounded part of a pass: the first of these for which there is
// anything to do.
func (r *Rollups) step(ctx context.Context, began time.Time, taken *[]string) (more bool, err error) {
	due, err := r.due(ctx, began, *taken)
	if err != nil || due == nothing {
		return false, err
	}
	return true, r.alone(ctx, func(tx pgx.Tx) error {
		p, err := r.load(ctx, tx)
		if err != nil {
			return err
		}
		switch due {
		case zone:
			return p.changeZone(ctx)
		case changes, marks:
			take := p.takeChanges
			if due == marks {
				take = p.takeMarks
			}
			n, err := take(ctx)
			if n < r.maxChanges {
				*taken = append(*taken, due)
			}
			return err
		case newDay:
			return p.beginDay(ctx)
		case rebuilding:
			return p.rebuildPart(ctx)
		case anew:
			return p.readMarked(ctx)
		case days:
			return p.computeDays(ctx)
		case content:
			defer func(began time.Time) { r.contentAfter = time.Now().Add(r.rest * time.Since(began)) }(time.Now())
			return p.computeContent(ctx)
		}
		return p.refreshed(ctx, began)
	})
}

// what is due in a step.
const (
	nothing    = ""
	zone       = "zone"
	changes    = "changes"
	marks      = "marks"
	newDay     = "day"
	rebuilding = "rebuild"
	anew       = "anew"
	days       = "days"
	content    = "content"
	refresh    = "refresh"
)

// due finds without a lock what is due, other than what was taken.
func (r *Rollups) due(ctx context.Context, began time.Time, taken []string) (what string, err error) {
	ctx, cancel := r.db.WithTimeout(ctx)
	defer cancel()
	err = r.db.Pool().QueryRow(ctx, `
		SELECT CASE
			WHEN x.zone IS DISTINCT FROM r.zone THEN 'zone'
			WHEN 'changes' <> ALL ($3::text[]) AND EXISTS (SELECT FROM rollup_changes) THEN 'changes'
			WHEN 'marks' <> ALL ($3) AND EXISTS (SELECT FROM rollup_marks) THEN 'marks'
			WHEN x.turned IS DISTINCT FROM ($1 AT TIME ZONE r.zone)::date OR x.covered_until IS DISTINCT FROM (`+coveredUntil+`) THEN 'day'
			WHEN x.rebuild_from IS NOT NULL THEN 'rebuild'
			WHEN EXISTS (SELECT FROM rollup_days WHERE parts & 64 <> 0) THEN 'anew'
			WHEN EXISTS (SELECT FROM rollup_days WHERE parts & $4 <> 0) THEN 'days'
			WHEN $2 AND EXISTS (SELECT FROM rollup_days) THEN 'content'
			-- That nothing is behind is said once a minute, so that little is written.
			WHEN x.refreshed_at < $1 - interval '1 minute' THEN 'refresh'
			ELSE ''
		END
		FROM rollup_passes x
		CROSS JOIN reporting r`, began, !time.Now().Before(r.contentAfter), taken, ofSummary).Scan(&what)
	if err != nil {
		return "", fmt.Errorf("see what is due: %w", err)
	}
	return what, nil
}

// coveredUntil is up to when the keeper has looked at the subscriptions.
const coveredUntil = `SELECT max(to_time) FROM coverage_intervals WHERE source = 'live' OR NOT goes_on`

// alone carries out a transaction while no other pass is made, on one state of
// the database. LOCK comes first: it is the only statement that waits for
// nothing and takes no snapshot.
func (r *Rollups) alone(ctx context.Context, do func(pgx.Tx) error) error {
	ctx, cancel := r.db.WithTimeout(ctx)
	defer cancel()
	err := pgx.BeginTxFunc(ctx, r.db.Pool(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE rollup_passes IN SHARE ROW EXCLUSIVE MODE NOWAIT`); err != nil {
			return err
		}
		return do(tx)
	})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "55P03" { // lock_not_available
		return errBusy
	}
	return err
}

// pass is a transaction of a pass.
type pass struct {
	*Rollups
	tx    pgx.Tx
	zone  string
	today string // in the reporting zone
}

func (r *Rollups) load(ctx context.Context, tx pgx.Tx) (*pass, error) {
	p := &pass{Rollups: r, tx: tx}
	err := tx.QueryRow(ctx, `SELECT zone, ($1 AT TIME ZONE zone)::date::text FROM reporting`, r.db.Now()).Scan(&p.zone, &p.today)
	if err != nil {
		return nil, fmt.Errorf("read the reporting zone: %w", err)
	}
	// To compile these statements takes longer than most of them.
	return p, p.set(ctx, "jit", "off")
}

// exec carries out a statement that knows zone, today and what is given.
func (p *pass) exec(ctx context.Context, what, sql string, args pgx.NamedArgs) error {
	if args == nil {
		args = pgx.NamedArgs{}
	}
	args["zone"], args["today"] = p.zone, p.today
	if _, err := p.tx.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// set changes a setting until the transaction ends.
func (p *pass) set(ctx context.Context, name, value string) error {
	if _, err := p.tx.Exec(ctx, `SELECT set_config($1, $2, true)`, name, value); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

func (p *pass) refreshed(ctx context.Context, began time.Time) error {
	return p.exec(ctx, "save how far the rollups are", `
		UPDATE rollup_passes
		SET refreshed_at = @began, content_at = CASE WHEN EXISTS (SELECT FROM rollup_days) THEN content_at ELSE @began END`,
		pgx.NamedArgs{"began": began})
}
