// Package facts answers what rules need to know beyond their event, now or as
// of a time in the past. It promises that only what is recorded counts; an
// error says that the database could not be asked.
package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// maxCounted is how far facts count: rules compare with small numbers.
const maxCounted = 1000

// UnknownSpace stands for the name of a space that isn't known.
const UnknownSpace = "this space"

// Reader reads facts from a database.
type Reader struct{ db *store.Store }

// New returns a Reader.
func New(db *store.Store) Reader { return Reader{db} }

// Facts adds to what a run's event told the state that is needed now. All that
// is recorded counts, even if its time is a little ahead of our clock.
func (s Reader) Facts(ctx context.Context, run reactors.Run, needs reactors.Needs, now time.Time) (reactors.Facts, error) {
	return first(s.FactsOfAll(ctx, []reactors.Run{run}, needs, now))
}

// FactsOfAll is Facts of runs of one space: what is asked of people is asked once
// for all of them, and what is asked of the space once.
func (s Reader) FactsOfAll(ctx context.Context, runs []reactors.Run, needs reactors.Needs, now time.Time) ([]reactors.Facts, error) {
	return s.facts(ctx, runs, needs, now, pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true})
}

// FactsAsOf is Facts as of a time in the past: what happened after it doesn't
// count.
func (s Reader) FactsAsOf(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error) {
	return first(s.facts(ctx, []reactors.Run{run}, needs, at, pgtype.Timestamptz{Time: store.Microseconds(at), Valid: true}))
}

func first(all []reactors.Facts, err error) (reactors.Facts, error) {
	if err != nil {
		return reactors.Facts{}, err
	}
	return all[0], nil
}

func (s Reader) facts(
	ctx context.Context, runs []reactors.Run, needs reactors.Needs, at time.Time, known pgtype.Timestamptz,
) ([]reactors.Facts, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	all := make([]reactors.Facts, len(runs))
	for i, run := range runs {
		all[i] = run.Facts
		all[i].Space.DisplayName = cmp.Or(run.Facts.Space.DisplayName, UnknownSpace)
	}
	q := lookUp(all, needs, at, known)
	if q.batch.Len() == 0 {
		return all, nil
	}
	if err := s.db.Pool().SendBatch(ctx, &q.batch).Close(); err != nil {
		return nil, fmt.Errorf("look up what rule %s needs to know: %w", runs[0].Reactor, err)
	}
	for i := range all {
		all[i].Space = all[0].Space
		all[i].Space.DisplayName = cmp.Or(all[i].Space.DisplayName, UnknownSpace)
		all[i].Derive()
	}
	return all, nil
}

// lookUp queues what is needed to complete the facts of runs of one space.
func lookUp(all []reactors.Facts, needs reactors.Needs, at time.Time, known pgtype.Timestamptz) *factQuery {
	q := &factQuery{at: store.Microseconds(at), known: known}
	lacking := func(need reactors.Needs) (some []*reactors.Facts) {
		for i := range all {
			if f := &all[i]; needs&^(told&^f.Untold())&need != 0 {
				some = append(some, f)
			}
		}
		return some
	}
	for _, lookup := range []struct {
		need  reactors.Needs
		queue func([]*reactors.Facts)
	}{
		{reactors.NeedMember, q.members}, {reactors.NeedPosts, q.posts}, {reactors.NeedAffiliation, q.affiliations},
		{reactors.NeedSpace, q.space}, {reactors.NeedSpaceActivity, q.spaceActivity}, {reactors.NeedWeek, q.week},
		{reactors.NeedRecent, q.recent}, {reactors.NeedTop, q.top},
		{reactors.NeedMessage, each(q.message)}, {reactors.NeedThread, each(q.thread)},
		{reactors.NeedReactions, each(q.reactions)}, {reactors.NeedEdits, each(q.edits)},
	} {
		if some := lacking(lookup.need); len(some) > 0 {
			lookup.queue(some)
		}
	}
	for i := range all {
		if all[i].Message.ClientID != "" {
			q.own(&all[i])
		}
	}
	return q
}

// each asks for each run alone: those of messages aren't decided together.
func each(ask func(*reactors.Facts)) func([]*reactors.Facts) {
	return func(some []*reactors.Facts) {
		for _, f := range some {
			ask(f)
		}
	}
}

// told is what most events tell themselves.
const told = reactors.NeedMessage | reactors.NeedAffiliation

// factQuery collects look-ups, which make one round trip.
type factQuery struct {
	batch pgx.Batch
	at    time.Time          // windows end here
	known pgtype.Timestamptz // what happened later isn't known
}

// ask queues a query whose one row, if there is one, is scanned into targets.
func (q *factQuery) ask(targets []any, sql string, args ...any) {
	q.batch.Queue(sql, args...).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(targets...); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
}

// askOf queues a query that tells of some people, each with its place among them
// from 1 on. Arguments name them as members.
func (q *factQuery) askOf(people []*reactors.Facts, targets func(*reactors.Facts) []any, sql string, args pgx.NamedArgs) {
	args["members"] = column(people, func(f *reactors.Facts) string { return f.Member.Name })
	args["space"], args["known"] = people[0].Space.Name, q.known
	q.batch.Queue(sql, args).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			skipped := make([]any, len(rows.FieldDescriptions()))
			i := 0
			skipped[0] = &i
			if err := rows.Scan(skipped...); err != nil {
				return err
			}
			if err := rows.Scan(append([]any{nil}, targets(people[i-1])...)...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func column(people []*reactors.Facts, of func(*reactors.Facts) string) []string {
	values := make([]string, len(people))
	for i, f := range people {
		values[i] = of(f)
	}
	return values
}

func (q *factQuery) space(all []*reactors.Facts) {
	f := all[0]
	q.ask([]any{&f.Space.DisplayName, &f.Space.Type}, `
		SELECT COALESCE(display_name, ''), COALESCE(space_type, '')
		FROM spaces
		WHERE space = $1`, f.Space.Name)
}

// members asks who the people are and whether they are in the space. Of whom the
// history knows nothing we take them to be: they did something there. Who has left
// keeps the last role.
func (q *factQuery) members(all []*reactors.Facts) {
	var people []*reactors.Facts
	for _, f := range all {
		if f.Member.Name != "" {
			f.Member.IsMember = true
			people = append(people, f)
		}
	}
	if len(people) == 0 {
		return
	}
	fixed := func(f *reactors.Facts) string { // by the event
		if f.Trigger == reactors.MemberRoleChanged {
			return f.Member.Role
		}
		return ""
	}
	q.askOf(people, func(f *reactors.Facts) []any { return []any{&f.Member.IsMember, &f.Member.Role} }, `
		SELECT who.i, last.*
		FROM unnest(@members::text[], @fixed::text[], @told::text[]) WITH ORDINALITY who (member, fixed, told, i)
		CROSS JOIN LATERAL (
			SELECT c.state = 'JOINED' AND (s.deleted_at IS NULL OR s.deleted_at > @known),
				COALESCE(NULLIF(who.fixed, ''), c.role, (
					SELECT before.role
					FROM stored_membership_changes before
					WHERE before.space_id = c.space_id AND before.membership = c.membership AND before.role IS NOT NULL AND before.event_time <= @known
					ORDER BY before.event_time DESC, before.verb_order DESC, before.event_key DESC, before.ordinal DESC
					LIMIT 1
				), who.told)
			FROM stored_memberships m
			JOIN spaces s ON s.id = m.space_id
			JOIN stored_membership_changes c ON c.space_id = m.space_id AND c.membership = m.membership
			WHERE s.space = @space AND m.member = who.member AND c.state IS NOT NULL AND c.event_time <= @known
			ORDER BY c.event_time DESC, c.verb_order DESC, c.event_key DESC, c.ordinal DESC
			LIMIT 1
		) last`,
		pgx.NamedArgs{"fixed": column(people, fixed), "told": column(people, func(f *reactors.Facts) string { return f.Member.Role })})
	q.askOf(people, func(f *reactors.Facts) []any { return []any{&f.Member.DisplayName, &f.Member.Type} }, `
		SELECT who.i, COALESCE(u.display_name, ''), COALESCE(NULLIF(who.told, ''), u.user_type, '')
		FROM unnest(@members::text[], @told::text[]) WITH ORDINALITY who (member, told, i)
		JOIN users u ON u.user_name = who.member`,
		pgx.NamedArgs{"told": column(people, func(f *reactors.Facts) string { return f.Member.Type })})
}

// posts reads no more than the index by space, which has all of it.
func (q *factQuery) posts(people []*reactors.Facts) {
	q.askOf(people, func(f *reactors.Facts) []any { return []any{&f.Member.MessagesInSpace} }, `
		SELECT who.i, (
			SELECT count(*)
			FROM (
				SELECT
				FROM events
				WHERE space_id = (SELECT id FROM spaces WHERE space = @space) AND event_time <= @known
					AND actor_id = (SELECT id FROM users WHERE user_name = who.member)
					AND type_id = ANY (ARRAY(SELECT id FROM event_types WHERE kind = 'message' AND verb = 'created'))
				LIMIT @max
			) posts
		)
		FROM unnest(@members::text[]) WITH ORDINALITY who (member, i)`, pgx.NamedArgs{"max": maxCounted})
}

// spaceActivity counts people. Of some it is known only by a later event that
// they were there before: they count from that event on.
func (q *factQuery) spaceActivity(all []*reactors.Facts) {
	f := all[0]
	q.ask([]any{&f.Space.Members, &f.Space.JoinsLastHr}, `
		SELECT count(*) FILTER (WHERE (left_at IS NULL OR left_at > $3) AND known_at <= $3),
			count(*) FILTER (WHERE joined_at > $2::timestamptz - interval '1 hour' AND joined_at <= $3)
		FROM membership_intervals
		WHERE space = $1 AND member LIKE 'users/%'`, f.Space.Name, q.at, q.known)
}

func (q *factQuery) week(all []*reactors.Facts) {
	f := all[0]
	w := &f.Space.Week
	q.ask([]any{&w.Messages, &w.Posters}, `
		SELECT count(*), count(DISTINCT e.actor_id)
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN users u ON u.id = e.actor_id
		WHERE e.space_id = (SELECT id FROM spaces WHERE space = $1)
			AND e.event_time > $2::timestamptz - interval '7 days' AND e.event_time <= $2
			AND t.kind = 'message' AND t.verb = 'created' AND u.user_type IS DISTINCT FROM 'BOT'`, f.Space.Name, q.at)
	q.ask([]any{&w.Joins, &w.Leaves}, `
		SELECT count(*) FILTER (WHERE joined_at > $2::timestamptz - interval '7 days' AND joined_at <= $2),
			count(*) FILTER (WHERE left_at > $2::timestamptz - interval '7 days' AND left_at <= $2)
		FROM membership_intervals
		WHERE space = $1 AND member LIKE 'users/%'`, f.Space.Name, q.at)
	q.batch.Queue(`
		SELECT emoji, count(*)
		FROM (
			SELECT DISTINCT r.message, r.reaction, r.emoji
			FROM events e
			JOIN event_types t ON t.id = e.type_id
			JOIN stored_reactions r ON r.space_id = e.space_id
				AND r.message = split_part(substr(e.resource, 10), '/reactions/', 1) AND r.reaction = '/' || split_part(e.resource, '/reactions/', 2)
			WHERE e.space_id = (SELECT id FROM spaces WHERE space = @space)
				AND e.event_time > @at::timestamptz - interval '7 days' AND e.event_time <= @at
				AND t.kind = 'reaction' AND t.verb = 'created' AND r.emoji IS NOT NULL AND `+reactionIsThere+`
		) given
		GROUP BY emoji`, pgx.NamedArgs{"space": f.Space.Name, "at": q.at, "known": q.known},
	).Query(func(rows pgx.Rows) error {
		counts, emoji, n := map[string]int{}, "", 0
		_, err := pgx.ForEachRow(rows, []any{&emoji, &n}, func() error {
			counts[emoji] = n
			return nil
		})
		w.TopEmoji = reactors.TopEmoji(counts)
		return err
	})
}

func (q *factQuery) own(f *reactors.Facts) {
	q.ask([]any{&f.Message.Own}, `
		SELECT true
		FROM own_messages
		WHERE client_id = $1 AND space IN ($2, '')
		LIMIT 1`, f.Message.ClientID, f.Space.Name)
}

// NameSpace keeps the name of a space that no event has told so far.
func (s Reader) NameSpace(ctx context.Context, space, displayName, spaceType string) error {
	if _, err := s.db.Exec(ctx, `
		UPDATE spaces
		SET display_name = COALESCE(display_name, NULLIF($2, '')), space_type = COALESCE(space_type, NULLIF($3, ''))
		WHERE space = $1 AND (display_name IS NULL OR space_type IS NULL)`,
		space, store.Clean(displayName), store.Clean(spaceType)); err != nil {
		return fmt.Errorf("keep the name of %s: %w", space, err)
	}
	return nil
}

// Person is what Google tells of a member and events don't.
type Person struct {
	Type        string // HUMAN or BOT
	Affiliation string // INTERNAL and so on; "" if Google doesn't tell
}

// KeepPerson keeps what no event and no list has told of somebody in a space.
func (s Reader) KeepPerson(ctx context.Context, space, user string, p Person) error {
	if _, err := s.db.Exec(ctx, `
		WITH known AS (
			UPDATE users
			SET user_type = NULLIF($3, '')
			WHERE user_name = $2 AND user_type IS NULL
		)
		UPDATE stored_memberships
		SET affiliation = NULLIF($4, '')
		WHERE space_id = (SELECT id FROM spaces WHERE space = $1) AND member = $2 AND state = 'JOINED' AND affiliation IS NULL`,
		space, user, store.Clean(p.Type), store.Clean(p.Affiliation)); err != nil {
		return fmt.Errorf("keep who %s is in %s: %w", user, space, err)
	}
	return nil
}
