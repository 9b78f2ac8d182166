package memberships

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/numbers"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
)

// Lists keeps in a database what Google's lists of members tell.
type Lists struct{ db *store.Store }

// NewLists returns Lists.
func NewLists(db *store.Store) Lists { return Lists{db} }

// Listing is Google's list of a space's members.
type Listing struct {
	Space   string    // "spaces/S"
	AsOf    time.Time // by Google's clock: what happened before is in it
	Members []Member
	Left    []Member // who were believed to be in the space and aren't
}

// Member is one of those listed.
type Member struct {
	Membership  string // "spaces/S/members/M"
	Name        string // "users/U" or "groups/G"
	Type        events.UserType
	DisplayName string // "" if unknown
	State       events.MembershipState
	Role        string
	Affiliation string
}

// Reconciled counts what a listing changed.
type Reconciled struct {
	Changed int // members who are new, or in another state or role
	Left    int // who had left unseen
}

// Absent returns who, by all that happened before, is in the space without
// being listed. Chat apps are left out, as lists do the same.
func (s Lists) Absent(ctx context.Context, l Listing) ([]Member, error) {
	listed := store.Column(l.Members, func(m *Member) string { return m.Membership })
	absent, err := store.List(ctx, s.db, pgx.RowToStructByNameLax[Member], `
		SELECT m.membership, m.member AS name
		FROM memberships m
		LEFT JOIN users u ON u.user_name = m.member
		WHERE m.space = $1 AND m.state = 'JOINED' AND m.member LIKE 'users/%'
			AND m.version_time < $2 AND u.user_type IS DISTINCT FROM 'BOT'
			AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS i (membership) WHERE i.membership = m.membership)
		ORDER BY m.member`, l.Space, store.Microseconds(l.AsOf), listed)
	if err != nil {
		return nil, fmt.Errorf("find members of %s who aren't listed: %w", l.Space, err)
	}
	return absent, nil
}

// Reconcile writes what a listing tells and isn't known, in one transaction.
// What an event of the time of the listing or later told stays, whenever it
// arrives. Nothing of this asks for reactions.
//
// What a listing confirms isn't written, so that the same listing again costs
// nothing. An event that contradicts it and arrives after it, although it
// happened before, is believed until the next listing.
func (s Lists) Reconcile(ctx context.Context, l Listing) (Reconciled, error) {
	var r Reconciled
	if err := refusal.Again(s.db, func() (err error) {
		r, err = s.reconcile(ctx, l)
		return err
	}); err != nil {
		return r, fmt.Errorf("reconcile the members of %s: %w", l.Space, err)
	}
	return r, nil
}

func (s Lists) reconcile(ctx context.Context, l Listing) (Reconciled, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	// The names first, in a transaction of their own: see package numbers.
	q := &pgx.Batch{}
	numbers.QueueSpaces(q, []string{l.Space})
	l.queueUsers(q)
	if err := s.db.Pool().SendBatch(ctx, q).Close(); err != nil {
		return Reconciled{}, err
	}
	return l.write(ctx, s.db)
}

// queueUsers adds people, and what is new of them.
func (l Listing) queueUsers(q *pgx.Batch) {
	people := slices.DeleteFunc(slices.Clone(l.Members), func(m Member) bool { return m.Type == "" })
	if len(people) == 0 {
		return
	}
	people = sorted(people, func(m Member) string { return m.Name })
	q.Queue(`
		INSERT INTO users AS u (version_time, user_name, user_type, display_name)
		SELECT CASE WHEN display_name = '' THEN '-infinity' ELSE @as_of::timestamptz END, user_name, user_type, NULLIF(display_name, '')
		FROM unnest(@names::text[], @types::text[], @display_names::text[]) AS i (user_name, user_type, display_name)
		WHERE NOT EXISTS (
			SELECT FROM users k
			WHERE k.user_name = i.user_name AND k.user_type IS NOT NULL
				AND (i.display_name = '' OR k.display_name = i.display_name OR k.version_time >= @as_of)
		)
		ORDER BY user_name COLLATE "C"
		ON CONFLICT (user_name) DO UPDATE SET
			user_type = COALESCE(u.user_type, excluded.user_type),
			version_time = GREATEST(u.version_time, excluded.version_time),
			display_name = CASE WHEN excluded.version_time > u.version_time THEN excluded.display_name ELSE u.display_name END`,
		pgx.NamedArgs{
			"as_of":         store.Microseconds(l.AsOf),
			"names":         cleaned(people, func(m *Member) string { return m.Name }),
			"types":         cleaned(people, func(m *Member) string { return string(m.Type) }),
			"display_names": cleaned(people, func(m *Member) string { return m.DisplayName }),
		})
}

// sorted keeps one row of each name, the first.
func sorted(members []Member, name func(Member) string) []Member {
	slices.SortStableFunc(members, func(x, y Member) int { return cmp.Compare(name(x), name(y)) })
	return slices.CompactFunc(members, func(x, y Member) bool { return name(x) == name(y) })
}

// cleaned is a column of text that Postgres can hold.
func cleaned(members []Member, field func(*Member) string) []string {
	return store.Column(members, func(m *Member) string { return store.Clean(field(m)) })
}

// write changes the memberships and then, under their locks, the history.
func (l Listing) write(ctx context.Context, db *store.Store) (r Reconciled, err error) {
	list := slices.Clone(l.Members)
	for _, m := range l.Left {
		list = append(list, Member{Membership: m.Membership, Name: m.Name, State: events.MembershipNotAMember})
	}
	list = sorted(list, func(m Member) string { return m.Membership })
	q := &pgx.Batch{}
	items.ShareProjections(q)
	q.Queue(`
		WITH space AS (
			SELECT id, deleted_at
			FROM spaces
			WHERE space = @space
		), listed AS (
			SELECT id AS space_id, membership, member, member_type, state, NULLIF(role, '') AS role, NULLIF(affiliation, '') AS affiliation
			FROM unnest(@memberships::text[], @members::text[], @types::text[], @states::text[], @roles::text[], @affiliations::text[])
				AS i (membership, member, member_type, state, role, affiliation), space
			WHERE deleted_at IS NULL -- that ended them all
		), written AS (
			INSERT INTO stored_memberships AS m (version_time, version_key, verb_order, space_id, membership, member, state, role,
				affiliation, source)
			SELECT @as_of, @key, 0, space_id, membership, member, state, role, affiliation, 'list'
			FROM listed
			ON CONFLICT (space_id, membership) DO UPDATE SET
				member = excluded.member,
				version_time = excluded.version_time,
				payload_as_of = NULL,
				version_key = excluded.version_key,
				verb_order = excluded.verb_order,
				state = excluded.state,
				role = excluded.role,
				affiliation = excluded.affiliation,
				source = excluded.source
			WHERE excluded.version_time > m.version_time
				AND (excluded.state, excluded.role, excluded.affiliation) IS DISTINCT FROM (m.state, m.role, m.affiliation)
			RETURNING membership
		)
		INSERT INTO stored_membership_changes (event_time, event_key, ordinal, origin, space_id, membership, verb, state, role, member_type)
		SELECT @as_of, @key, 0, 's', space_id, membership, CASE state WHEN 'NOT_A_MEMBER' THEN 'deleted' ELSE 'updated' END,
			state, role, NULLIF(member_type, '')
		FROM listed
		JOIN written USING (membership)
		ON CONFLICT DO NOTHING
		RETURNING state`,
		pgx.NamedArgs{
			"as_of": store.Microseconds(l.AsOf), "key": pgtype.UUID{Valid: true}, "space": l.Space,
			"memberships":  cleaned(list, func(m *Member) string { return shortName(m.Membership, l.Space) }),
			"members":      cleaned(list, func(m *Member) string { return m.Name }),
			"types":        cleaned(list, func(m *Member) string { return string(m.Type) }),
			"states":       cleaned(list, func(m *Member) string { return string(m.State) }),
			"roles":        cleaned(list, func(m *Member) string { return m.Role }),
			"affiliations": cleaned(list, func(m *Member) string { return m.Affiliation }),
		}).Query(func(rows pgx.Rows) error {
		var state string
		return store.Each(rows, []any{&state}, func() {
			if state == string(events.MembershipNotAMember) {
				r.Left++
			} else {
				r.Changed++
			}
		})
	})
	err = db.Pool().SendBatch(ctx, q).Close()
	return r, err
}
