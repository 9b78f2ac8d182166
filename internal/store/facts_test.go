package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const (
	bob, zoe, app = "users/bob", "users/zoe", "users/app"
	root, answer  = space + "/messages/T.T", space + "/messages/T.R"
	thread        = space + "/threads/T"
	flat          = "spaces/D"
)

// said is a message of a thread.
func said(verb events.Verb, name, sender, text string, created, edited time.Time) events.Item {
	it := message(verb, name, sender, text, created, edited)
	if it.Message.Text != "" {
		it.Message.Thread, _, _ = strings.Cut(strings.Replace(name, "messages", "threads", 1), ".")
	}
	if sender == app {
		it.Message.Sender.Type = events.UserBot
	}
	return it
}

// known records what happens in a space with threads and in a flat one, to whom
// analysts' questions have known answers.
func known(t *testing.T, s *storetest.Env) {
	t.Helper()
	threaded := storetest.Renamed(space, "Sails", "SPACE")
	threaded.SpaceData.ThreadingState = "THREADED_MESSAGES"
	external := membership(events.VerbCreated, space, zoe, events.MembershipJoined)
	external.Membership.Affiliation = "EXTERNAL"
	internal := membership(events.VerbCreated, space, bob, events.MembershipJoined)
	internal.Membership.Affiliation = "INTERNAL"
	mentioning := said(events.VerbCreated, root, ann, "Hi\u0007 👋", at(10), time.Time{})
	mentioning.Message.Mentions = []events.Mention{{User: bob}, {User: zoe, Added: true}, {User: events.Everybody}}
	mentioning.Message.AttachmentCount = 2
	quoting := said(events.VerbCreated, answer, bob, "yo", at(20), time.Time{})
	quoting.Message.Quoted = root
	admin := said(events.VerbDeleted, space+"/messages/U.U", "", "", at(40), time.Time{})
	admin.Message.DeletionType = "SPACE_OWNER_VIA_APP"
	fetched := storetest.Backfilled(live("later", at(46), said(events.VerbCreated, space+"/messages/V.V", ann, "after both edits", at(46), at(48))))
	record(t, s,
		live("space", at(0), threaded), live("dm", at(1), storetest.Renamed(flat, "", "DIRECT_MESSAGE")),
		join("j", 2), live("jb", at(3), internal), live("jz", at(4), external),
		live("m1", at(10), mentioning),
		live("m2", at(20), quoting),
		live("m3", at(30), said(events.VerbUpdated, answer, bob, "yes", at(20), at(30))),
		live("m4", at(40), said(events.VerbCreated, space+"/messages/U.U", zoe, "oops", at(40), time.Time{})),
		live("m5", at(41), said(events.VerbUpdated, space+"/messages/U.U", zoe, "ooops", at(40), at(41))),
		live("m6", at(45), admin), fetched,
		live("m7", at(50), said(events.VerbCreated, flat+"/messages/X.X", ann, "psst", at(50), time.Time{})),
		live("m8", at(51), said(events.VerbCreated, space+"/messages/W.W", app, "beep", at(51), time.Time{})),
		live("m9", at(52), events.Item{Kind: events.KindMessage, Verb: events.VerbCreated, Resource: space + "/messages/Y.Y", Space: space}),
		live("r1", at(60), reaction(events.VerbCreated, root, bob, "👍🏽")),
		live("r2", at(61), reaction(events.VerbCreated, root, zoe, "👍")),
		live("r3", at(62), reaction(events.VerbDeleted, root, zoe, "👍")),
		leave("l", 70), join("again", 80),
		live("renamed", at(90), storetest.Renamed(space, "Sailors", "SPACE")),
		live("manager", at(95), manager()),
		live("invited", at(96), membership(events.VerbCreated, space, "users/eve", events.MembershipInvited)),
	)
	if _, err := s.Reconcile(t.Context(), memberships.Listing{Space: space, AsOf: at(100), Members: []memberships.Member{
		{Membership: space + "/members/old", Name: "users/old", Type: events.UserHuman, State: events.MembershipJoined, DisplayName: "Old"},
	}}); err != nil {
		t.Fatal(err)
	}
	watched := coverage.SubscriptionState{Target: "//chat.googleapis.com/" + space, Scope: space, State: "ACTIVE", Managed: true, ObservedAt: at(100)}
	if err := s.Observe(t.Context(), at(100), []coverage.SubscriptionState{watched}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), `UPDATE keeper_passes SET listed_at = now()`); err != nil { // whether it is watched now, only a keeper of now knows
		t.Fatal(err)
	}
}

func manager() events.Item {
	it := membership(events.VerbUpdated, space, ann, events.MembershipJoined)
	it.Membership.Role = "ROLE_MANAGER"
	return it
}

// rows are those of a query, a line each, times as seconds after the tests' epoch.
func rows(t *testing.T, s *storetest.Env, sql string) []string {
	t.Helper()
	return column(t, s, `SELECT concat_ws(' ', VARIADIC ARRAY(SELECT COALESCE(
		CASE WHEN value ~ '^\d{4}-\d\d-\d\dT' THEN extract(epoch FROM value::timestamptz - '2026-11-20 12:00:00+00')::int::text ELSE value END, '-')
		FROM json_each_text(row_to_json(x)) WITH ORDINALITY ORDER BY ordinality)) FROM (`+sql+`) x`)
}

func TestFacts(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	known(t, s)
	for _, q := range []struct {
		sql  string
		want []string
	}{
		{`SELECT space_id, display_name, space_type, is_threaded, is_watched, first_seen_at, deleted_at FROM analytics.dim_spaces ORDER BY 1`, []string{
			"spaces/D - DIRECT_MESSAGE false false 1 -", "spaces/S Sailors SPACE - true 0 -"}},
		{`SELECT * FROM analytics.dim_space_names ORDER BY valid_from`, []string{"spaces/S Sails 0 90", "spaces/S Sailors 90 -"}},
		{`SELECT member_id, display_name, member_type, affiliation FROM analytics.dim_members ORDER BY 1`, []string{
			"users/ann - HUMAN unknown", "users/app - BOT unknown", "users/bob - HUMAN internal", "users/eve - HUMAN unknown",
			"users/old Old HUMAN unknown", "users/zoe - HUMAN external"}},
		{`SELECT message_id, member_id, sender_type, sent_at, thread_id, is_edited, edited_at, deleted_at, deletion_class, mentions, attachments,
			characters, quoted_message_id, text FROM analytics.fct_messages ORDER BY sent_at`, []string{
			root + " users/ann HUMAN 10 " + thread + " false - - - 3 2 5 - Hi\u0007 👋",
			answer + " users/bob HUMAN 20 " + thread + " true 30 - - 0 0 3 " + root + " yes",
			"spaces/S/messages/U.U users/zoe HUMAN 40 spaces/S/threads/U true 41 45 space_owner - - - - -",
			"spaces/S/messages/V.V users/ann HUMAN 46 spaces/S/threads/V true 48 - - 0 0 16 - after both edits",
			"spaces/D/messages/X.X users/ann HUMAN 50 spaces/D/threads/X false - - - 0 0 4 - psst",
			"spaces/S/messages/W.W users/app BOT 51 spaces/S/threads/W false - - - 0 0 4 - beep",
			"spaces/S/messages/Y.Y - - - - - - - - - - - - -"}},
		{`SELECT message_id, version_at, is_current, source, attachments, characters, text FROM analytics.fct_message_versions ORDER BY 1, 2`, []string{
			"spaces/D/messages/X.X 50 true live 0 4 psst",
			answer + " 20 false live 0 2 yo", answer + " 30 true live 0 3 yes",
			root + " 10 true live 2 5 Hi\u0007 👋",
			"spaces/S/messages/U.U 40 false live 0 4 oops", "spaces/S/messages/U.U 41 false live 0 5 ooops",
			"spaces/S/messages/V.V 48 true backfill 0 16 after both edits",
			"spaces/S/messages/W.W 51 true live 0 4 beep"}},
		{`SELECT message_id, member_id, mentioned_by, mention_type, sent_at, activity_date FROM analytics.fct_mentions ORDER BY mention_type`, []string{
			root + " users/zoe users/ann add 10 2026-11-20", root + " - users/ann all 10 2026-11-20", root + " users/bob users/ann mention 10 2026-11-20"}},
		{`SELECT message_id, member_id, member_type, emoji, emoji_folded, added_at, removed_at, is_present FROM analytics.fct_reactions ORDER BY added_at`, []string{
			root + " users/bob HUMAN 👍🏽 👍 60 - true", root + " users/zoe HUMAN 👍 👍 61 62 false"}},
		{`SELECT space_id, member_id, member_type, affiliation, role, joined_at, left_at, known_at FROM analytics.fct_memberships ORDER BY known_at`, []string{
			"spaces/S users/ann HUMAN unknown - 2 70 2", "spaces/S users/bob HUMAN internal ROLE_MEMBER 3 - 3",
			"spaces/S users/zoe HUMAN external ROLE_MEMBER 4 - 4", "spaces/S users/ann HUMAN unknown ROLE_MANAGER 80 - 80",
			"spaces/S users/old HUMAN unknown - - - 100"}},
		{`SELECT member_id, member_type, changed_at, change, role, source FROM analytics.fct_membership_changes ORDER BY changed_at`, []string{
			"users/ann HUMAN 2 joined ROLE_MEMBER live", "users/bob HUMAN 3 joined ROLE_MEMBER live", "users/zoe HUMAN 4 joined ROLE_MEMBER live",
			"users/ann HUMAN 70 left - live", "users/ann HUMAN 80 joined ROLE_MEMBER live", "users/ann HUMAN 95 role_changed ROLE_MANAGER live",
			"users/eve HUMAN 96 invited ROLE_MEMBER live", "users/old HUMAN 100 other - list"}},
	} {
		if diff := cmp.Diff(q.want, rows(t, s, q.sql)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", q.sql, diff)
		}
	}

	if _, err := s.Pool().Exec(t.Context(), `UPDATE keeper_passes SET listed_at = now() - interval '3 hours'`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"spaces/D -", "spaces/S -"}, rows(t, s, `SELECT space_id, is_watched FROM analytics.dim_spaces ORDER BY 1`)); diff != "" {
		t.Errorf("nobody looks at subscriptions any more (-want +got):\n%s", diff)
	}

	// Where nothing tells whether a space has threads, nobody answers in one; where
	// something does, they do there, and never in a flat one.
	roots := func() []string {
		return rows(t, s, `SELECT message_id, is_root, is_reply FROM analytics.fct_messages WHERE message_id IN ('`+root+`', '`+answer+`', 'spaces/D/messages/X.X') ORDER BY 1`)
	}
	if diff := cmp.Diff([]string{"spaces/D/messages/X.X - -", answer + " - -", root + " - -"}, roots()); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if _, err := s.Pool().Exec(t.Context(), `UPDATE spaces SET threading_state = 'THREADED_MESSAGES'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), `UPDATE spaces SET threading_state = 'UNTHREADED_MESSAGES' WHERE space = 'spaces/D'`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"spaces/D/messages/X.X - -", answer + " false true", root + " true false"}, roots()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The begins and ends of stays are the changes that joined and left, whatever
// happened in whatever order.
func TestStaysAreChanges(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	known(t, s)
	record(t, s, storetest.NewMix(11).Batch(2000)...)
	const differ = `
		(SELECT space_id, member_id, joined_at AS at, 'joined' AS change FROM analytics.fct_memberships WHERE joined_at IS NOT NULL
		UNION ALL
		SELECT m.space_id, member_id, left_at, 'left' FROM analytics.fct_memberships m JOIN analytics.dim_spaces s USING (space_id)
		WHERE left_at IS NOT NULL AND left_at IS DISTINCT FROM s.deleted_at)`
	const told = `SELECT space_id, member_id, changed_at, change FROM analytics.fct_membership_changes WHERE change IN ('joined', 'left') AND member_id IS NOT NULL`
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM (`+told+`) x`); n < 20 {
		t.Errorf("%d changes", n)
	}
	for _, sql := range []string{differ + " EXCEPT ALL " + told, told + " EXCEPT ALL " + differ} {
		if got := rows(t, s, sql); len(got) > 0 {
			t.Errorf("%s: %q", sql, got)
		}
	}
}

// Days are those of the zone: of 45 minutes, where clocks change, at midnight, too.
func TestDates(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	if got := rows(t, s, `SELECT * FROM analytics.dim_dates`); len(got) > 0 {
		t.Errorf("days of before anything was recorded: %q", got)
	}
	record(t, s, live("m", at(0), message(events.VerbCreated, root, ann, "noon in UTC", at(0), time.Time{})))
	first := func(zone string) string {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), `UPDATE reporting SET zone = $1`, zone); err != nil {
			t.Fatal(err)
		}
		return rows(t, s, `SELECT activity_date, week_start, iso_weekday, month_start, is_weekend, starts_at, ends_at, hours,
			(SELECT activity_date FROM analytics.fct_messages) AS sent FROM analytics.dim_dates ORDER BY 1`)[0]
	}
	for zone, want := range map[string]string{
		"UTC":                "2026-11-20 2026-11-16 5 2026-11-01 false -43200 43200 24.00 2026-11-20",
		"Asia/Kathmandu":     "2026-11-20 2026-11-16 5 2026-11-01 false -63900 22500 24.00 2026-11-20",
		"Pacific/Kiritimati": "2026-11-21 2026-11-16 6 2026-11-01 true -7200 79200 24.00 2026-11-21",
	} {
		if got := first(zone); got != want {
			t.Errorf("%s: got %s, want %s", zone, got, want)
		}
	}
	// Whatever the zone, a day begins with its first moment, and what is before that is another's.
	wrong := column(t, s, `
		SELECT format('%s %s', zone, day)
		FROM unnest(ARRAY['Europe/Berlin', 'America/Havana', 'America/Sao_Paulo', 'Asia/Beirut', 'Atlantic/Azores', 'Australia/Lord_Howe']) AS zone,
			LATERAL (SELECT '2013-01-01'::date + n AS day FROM generate_series(0, 364) AS n) d
		WHERE (day_start(day, zone) AT TIME ZONE zone)::date <> day
			OR ((day_start(day, zone) - interval '1 microsecond') AT TIME ZONE zone)::date <> day - 1`)
	if len(wrong) > 0 {
		t.Errorf("%d days begin at another time: %q …", len(wrong), wrong[:min(5, len(wrong))])
	}
	hours := column(t, s, `
		SELECT format('%s %s', day, extract(epoch FROM day_start(day + 1, 'Europe/Berlin') - day_start(day, 'Europe/Berlin')) / 3600)
		FROM unnest(ARRAY['2026-03-29', '2026-10-25', '2026-10-26']::date[]) AS day`)
	if diff := cmp.Diff([]string{"2026-03-29 23.0000000000000000", "2026-10-25 25.0000000000000000", "2026-10-26 24.0000000000000000"}, hours); diff != "" {
		t.Errorf("hours of days (-want +got):\n%s", diff)
	}
}

// A reader sees no text without the grant, no other group's spaces, and nothing
// below the schema.
func TestReadersOfFacts(t *testing.T) {
	t.Parallel()
	reader, team, member := storetest.NewRole(t), storetest.NewRole(t), storetest.NewRole(t)
	s := storetest.New(t, storetest.Options{Now: clock})
	known(t, s)
	for _, sql := range []string{
		`GRANT USAGE ON SCHEMA analytics TO ` + reader, `GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO ` + reader,
		`GRANT ` + reader + ` TO ` + team, `GRANT ` + team + ` TO ` + member,
		`INSERT INTO reader_groups VALUES ('` + team + `', 'spaces/D'), ('nobody''s', 'spaces/S')`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	as := func(role string) *storetest.Env {
		db, err := store.Open(t.Context(), storetest.WithRole(s.DSN, role), store.Options{MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return &storetest.Env{DSN: s.DSN, Store: db}
	}
	all, few := as(reader), as(member)
	views := column(t, s, `SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'v'`)
	for _, view := range views {
		if _, err := all.Pool().Exec(t.Context(), `SELECT * FROM `+view); err != nil {
			t.Errorf("a reader of %s: %v", view, err)
		}
	}
	if got := rows(t, all, `SELECT count(*), count(text), count(characters) FROM analytics.fct_messages`); got[0] != "7 0 5" {
		t.Errorf("messages, texts and lengths of a reader: %s", got)
	}
	if got := rows(t, all, `SELECT count(*), count(text), count(characters) FROM analytics.fct_message_versions`); got[0] != "8 0 8" {
		t.Errorf("versions, texts and lengths of a reader: %s", got)
	}
	if got := rows(t, s, `SELECT count(text) FROM analytics.fct_messages`); got[0] != "5" {
		t.Errorf("texts of the owner: %s", got)
	}
	for sql, want := range map[string]string{
		`SELECT string_agg(DISTINCT space_id, ' ') FROM analytics.dim_spaces`:                     "spaces/D",
		`SELECT count(*), string_agg(DISTINCT space_id, ' ') FROM analytics.fct_messages`:         "1 spaces/D",
		`SELECT count(*), string_agg(DISTINCT space_id, ' ') FROM analytics.fct_message_versions`: "1 spaces/D",
		`SELECT count(*) FROM analytics.fct_memberships`:                                          "0",
		`SELECT count(*) FROM analytics.fct_membership_changes`:                                   "0",
		`SELECT count(*) FROM analytics.fct_reactions`:                                            "0",
		`SELECT count(*) FROM analytics.fct_mentions`:                                             "0",
		`SELECT count(*) FROM analytics.fct_reactor_runs`:                                         "0",
		`SELECT count(*) FROM analytics.dim_members`:                                              "0",
		`SELECT count(*) FROM analytics.dim_space_names`:                                          "0",
		// A condition that fails on what it sees tells of no other's rows.
		`SELECT count(*) FROM analytics.fct_messages WHERE 1 / (characters - 3) IS NOT NULL`: "1",
	} {
		if got := rows(t, few, sql); got[0] != want {
			t.Errorf("a group's reader, %s: got %s, want %s", sql, got, want)
		}
	}
	for _, sql := range []string{
		`SELECT FROM stored_messages`, `SELECT FROM messages`, `SELECT FROM spaces`, `SELECT FROM events`, `SELECT FROM reader_groups`, `SELECT FROM readable_spaces`,
		`CREATE TABLE analytics.mine (id integer)`,
	} {
		for _, e := range []*storetest.Env{all, few} {
			if _, err := e.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
}

// Where there is the role spacekeeper_content, its members read what people wrote.
func TestContentIsGranted(t *testing.T) {
	t.Parallel()
	reader := storetest.NewRole(t)
	s := storetest.New(t, storetest.Options{Now: clock})
	known(t, s)
	tx, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) // with the role
	for _, step := range []struct {
		sql  string
		want int
	}{
		{`GRANT USAGE ON SCHEMA analytics TO ` + reader + `; GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO ` + reader, 0},
		{`CREATE ROLE spacekeeper_content`, 0},
		{`GRANT spacekeeper_content TO ` + reader, 5},
	} {
		if _, err := tx.Exec(t.Context(), `RESET ROLE; `+step.sql+`; SET LOCAL ROLE `+reader); err != nil {
			t.Fatal(err)
		}
		var texts int
		if err := tx.QueryRow(t.Context(), `SELECT count(text) FROM analytics.fct_messages`).Scan(&texts); err != nil || texts != step.want {
			t.Errorf("after %s: %d texts, %v, want %d", step.sql, texts, err, step.want)
		}
	}
}
