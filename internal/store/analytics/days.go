package analytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// What has changed of a day, or is due: rollup_days.parts.
const (
	activityChanged  = 1
	reactionsChanged = 2
	messagesChanged  = 4
	membersChanged   = 8
	coverageChanged  = 16
	retentionDue     = 32
	anewDue          = 64
	receivedDue      = 128

	ofSummary = activityChanged | membersChanged | coverageChanged | retentionDue
	ofContent = reactionsChanged | messagesChanged | receivedDue
)

// marked are days of spaces that are to be computed, as columns.
type marked struct {
	spaces []int32
	dates  []pgtype.Date
	parts  []int16
}

func (m *marked) args() pgx.NamedArgs {
	return pgx.NamedArgs{"spaces": m.spaces, "dates": m.dates, "parts": m.parts}
}

// has reports whether there are days of all spaces together, or of others.
func (m *marked) has(all bool) bool {
	return slices.ContainsFunc(m.spaces, func(space int32) bool { return (space == 0) == all })
}

// read adds the rows of a query to them.
func (m *marked) read(rows pgx.Rows) error {
	var space int32
	var day pgtype.Date
	var part int16
	return store.Each(rows, []any{&space, &day, &part}, func() {
		m.spaces, m.dates, m.parts = append(m.spaces, space), append(m.dates, day), append(m.parts, part)
	})
}

// take takes some of the days that these parts are to be computed of.
func (p *pass) take(ctx context.Context, parts, limit int, order string) (*marked, error) {
	m := &marked{}
	rows, _ := p.tx.Query(ctx, `
		WITH chosen AS (
			SELECT space_id, activity_date, parts
			FROM rollup_days
			WHERE parts & @parts <> 0
			ORDER BY `+order+`
			LIMIT @limit
		), later AS (
			UPDATE rollup_days d
			SET parts = s.parts & ~@parts::integer
			FROM chosen s
			WHERE d.space_id = s.space_id AND d.activity_date = s.activity_date AND s.parts & ~@parts::integer <> 0
		), done AS (
			DELETE FROM rollup_days d
			USING chosen s
			WHERE d.space_id = s.space_id AND d.activity_date = s.activity_date AND s.parts & ~@parts::integer = 0
		)
		SELECT space_id, activity_date, parts
		FROM chosen`, pgx.NamedArgs{"parts": parts, "limit": limit})
	if err := m.read(rows); err != nil {
		return nil, fmt.Errorf("take days that are marked: %w", err)
	}
	return m, nil
}

// computeDays computes the summary and retention of some of the days: those of a
// space together, and those of all spaces last, which rest on them.
func (p *pass) computeDays(ctx context.Context) error {
	m, err := p.take(ctx, ofSummary, p.maxDays, "space_id DESC, activity_date DESC")
	if err != nil {
		return err
	}
	for _, all := range []bool{false, true} {
		if err := p.computeSummary(ctx, m, all); err != nil {
			return err
		}
		if err := p.computeMembers(ctx, m, all); err != nil {
			return err
		}
	}
	return p.computeRetention(ctx, m)
}

// computeContent computes what messages and reactions came to on some of the days:
// those of a day together, as an index finds them by time.
func (p *pass) computeContent(ctx context.Context) error {
	m, err := p.take(ctx, ofContent, 10*p.maxDays, "activity_date, space_id DESC")
	if err != nil {
		return err
	}
	// A message that came late may have got its reactions on later days.
	if err := p.exec(ctx, "mark reactions to messages that came late", `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT DISTINCT a.space_id, a.activity_date, 128
		FROM (
			SELECT space_id, min(activity_date) AS since
			FROM unnest(@spaces::integer[], @dates::date[], @parts::smallint[]) AS i (space_id, activity_date, parts)
			WHERE parts & 4 <> 0 AND activity_date < @today
			GROUP BY space_id
		) i
		JOIN rollup_activity a ON a.space_id = i.space_id AND a.activity_date > i.since AND a.given > 0
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts
		WHERE d.parts | excluded.parts <> d.parts`, m.args()); err != nil {
		return err
	}
	return p.readContent(ctx, m, daysOfThread)
}

// readContent computes emoji, received reactions and responses of days, and responses of
// so many days before.
func (p *pass) readContent(ctx context.Context, m *marked, before int) error {
	// Of what a statement has read itself Postgres has no statistics: it takes it for a few
	// rows, and would compare each with each.
	if err := p.set(ctx, "enable_nestloop", "off"); err != nil {
		return err
	}
	if err := p.computeReactions(ctx, m); err != nil {
		return err
	}
	if err := p.computeResponses(ctx, m, before); err != nil {
		return err
	}
	return p.set(ctx, "enable_nestloop", "on")
}
