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
	return s.facts(ctx, run, needs, now, pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true})
}

// FactsAsOf is Facts as of a time in the past: what happened after it doesn't
// count.
func (s Reader) FactsAsOf(ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time) (reactors.Facts, error) {
	return s.facts(ctx, run, needs, at, pgtype.Timestamptz{Time: store.Microseconds(at), Valid: true})
}

func (s Reader) facts(
	ctx context.Context, run reactors.Run, needs reactors.Needs, at time.Time, known pgtype.Timestamptz,
) (reactors.Facts, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	f := run.Facts
	needs &^= told &^ f.Untold()
	f.Space.DisplayName = cmp.Or(f.Space.DisplayName, UnknownSpace)
	q := &factQuery{facts: &f, at: store.Microseconds(at), known: known}
	for _, lookup := range []struct {
		need  reactors.Needs
		queue func()
	}{
		{reactors.NeedSpace, q.space}, {reactors.NeedMember, q.member}, {reactors.NeedPosts, q.posts},
		{reactors.NeedThread, q.thread}, {reactors.NeedSpaceActivity, q.spaceActivity}, {reactors.NeedWeek, q.week},
		{reactors.NeedMessage, q.message}, {reactors.NeedReactions, q.reactions}, {reactors.NeedEdits, q.edits},
		{reactors.NeedAffiliation, q.affiliation}, {reactors.NeedRecent, q.recent}, {reactors.NeedTop, q.top},
	} {
		if needs&lookup.need != 0 {
			lookup.queue()
		}
	}
	if f.Message.ClientID != "" {
		q.own()
	}
	if q.batch.Len() == 0 {
		return f, nil
	}
	if err := s.db.Pool().SendBatch(ctx, &q.batch).Close(); err != nil {
		return reactors.Facts{}, fmt.Errorf("look up what rule %s needs to know: %w", run.Reactor, err)
	}
	f.Space.DisplayName = cmp.Or(f.Space.DisplayName, UnknownSpace)
	f.Derive()
	return f, nil
}

// told is what most events tell themselves.
const told = reactors.NeedMessage | reactors.NeedAffiliation

// factQuery collects the look-ups of one run, which make one round trip.
type factQuery struct {
	batch pgx.Batch
	facts *reactors.Facts
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

func (q *factQuery) space() {
	q.ask([]any{&q.facts.Space.DisplayName, &q.facts.Space.Type}, `
		SELECT COALESCE(display_name, ''), COALESCE(space_type, '')
		FROM spaces
		WHERE space = $1`, q.facts.Space.Name)
}

// member asks who the person is and whether they are in the space. Of whom the
// history knows nothing we take them to be: they did something there. Who has left
// keeps the last role.
func (q *factQuery) member() {
	m := &q.facts.Member
	if m.Name == "" {
		return
	}
	m.IsMember = true
	fixed := "" // by the event
	if q.facts.Trigger == reactors.MemberRoleChanged {
		fixed = m.Role
	}
	q.ask([]any{&m.IsMember, &m.Role}, `
		SELECT c.state = 'JOINED' AND (s.deleted_at IS NULL OR s.deleted_at > @known),
			COALESCE(NULLIF(@fixed, ''), c.role, (
				SELECT before.role
				FROM stored_membership_changes before
				WHERE before.space_id = c.space_id AND before.membership = c.membership AND before.role IS NOT NULL AND before.event_time <= @known
				ORDER BY before.event_time DESC, before.verb_order DESC, before.event_key DESC, before.ordinal DESC
				LIMIT 1
			), @told)
		FROM stored_memberships m
		JOIN spaces s ON s.id = m.space_id
		JOIN stored_membership_changes c ON c.space_id = m.space_id AND c.membership = m.membership
		WHERE s.space = @space AND m.member = @member AND c.state IS NOT NULL AND c.event_time <= @known
		ORDER BY c.event_time DESC, c.verb_order DESC, c.event_key DESC, c.ordinal DESC
		LIMIT 1`, pgx.NamedArgs{"space": q.facts.Space.Name, "member": m.Name, "fixed": fixed, "told": m.Role, "known": q.known})
	q.ask([]any{&m.DisplayName, &m.Type}, `
		SELECT COALESCE(display_name, ''), COALESCE(NULLIF($2, ''), user_type, '')
		FROM users
		WHERE user_name = $1`, m.Name, m.Type)
}

// posts reads no more than the index by space, which has all of it.
func (q *factQuery) posts() {
	q.ask([]any{&q.facts.Member.MessagesInSpace}, `
		SELECT count(*)
		FROM (
			SELECT
			FROM events
			WHERE space_id = (SELECT id FROM spaces WHERE space = @space) AND event_time <= @known
				AND actor_id = (SELECT id FROM users WHERE user_name = @member)
				AND type_id = ANY (ARRAY(SELECT id FROM event_types WHERE kind = 'message' AND verb = 'created'))
			LIMIT @max
		) posts`,
		pgx.NamedArgs{"space": q.facts.Space.Name, "member": q.facts.Member.Name, "known": q.known, "max": maxCounted})
}

// spaceActivity counts people. Of some it is known only by a later event that
// they were there before: they count from that event on.
func (q *factQuery) spaceActivity() {
	q.ask([]any{&q.facts.Space.Members, &q.facts.Space.JoinsLastHr}, `
		SELECT count(*) FILTER (WHERE (left_at IS NULL OR left_at > $3) AND known_at <= $3),
			count(*) FILTER (WHERE joined_at > $2::timestamptz - interval '1 hour' AND joined_at <= $3)
		FROM membership_intervals
		WHERE space = $1 AND member LIKE 'users/%'`, q.facts.Space.Name, q.at, q.known)
}

func (q *factQuery) week() {
	w := &q.facts.Space.Week
	q.ask([]any{&w.Messages, &w.Posters}, `
		SELECT count(*), count(DISTINCT e.actor_id)
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN users u ON u.id = e.actor_id
		WHERE e.space_id = (SELECT id FROM spaces WHERE space = $1)
			AND e.event_time > $2::timestamptz - interval '7 days' AND e.event_time <= $2
			AND t.kind = 'message' AND t.verb = 'created' AND u.user_type IS DISTINCT FROM 'BOT'`, q.facts.Space.Name, q.at)
	q.ask([]any{&w.Joins, &w.Leaves}, `
		SELECT count(*) FILTER (WHERE joined_at > $2::timestamptz - interval '7 days' AND joined_at <= $2),
			count(*) FILTER (WHERE left_at > $2::timestamptz - interval '7 days' AND left_at <= $2)
		FROM membership_intervals
		WHERE space = $1 AND member LIKE 'users/%'`, q.facts.Space.Name, q.at)
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
		GROUP BY emoji`, pgx.NamedArgs{"space": q.facts.Space.Name, "at": q.at, "known": q.known},
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

func (q *factQuery) own() {
	q.ask([]any{&q.facts.Message.Own}, `
		SELECT true
		FROM own_messages
		WHERE client_id = $1 AND space IN ($2, '')
		LIMIT 1`, q.facts.Message.ClientID, q.facts.Space.Name)
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
