package scale

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store/statements"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// No statement of the program or of its documents reads a table whole that grows
// with what happens, and what the usual reads look at doesn't grow with it either.
func TestLargeDatabase(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewDSN(t)
	if err := Seed(t.Context(), dsn, Size{Events: 150_000, Base: 4_000, Spaces: 20, People: 200, Months: 5, Full: true}, until); err != nil {
		t.Fatal(err)
	}
	list, err := Statements()
	if err != nil {
		t.Fatal(err)
	}
	env := storetest.Open(t, dsn, storetest.Options{Timeout: time.Minute})
	if _, err := env.Pool().Exec(t.Context(), fillRollups); err != nil {
		t.Fatal(err)
	}
	inside, err := insideAnalytics(t.Context(), dsn)
	if err != nil || len(inside) < 2 {
		t.Fatalf("%d functions, %v", len(inside), err)
	}
	complaints, err := Plans(t.Context(), dsn, append(list, inside...))
	if err != nil {
		t.Error(err)
	}
	for _, c := range complaints {
		t.Error(c)
	}
	checkComplaints(t, dsn)
	s, err := open(t.Context(), dsn, until)
	if err != nil {
		t.Fatal(err)
	}
	defer s.db.Close()
	reads, err := allReads()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reads {
		c, err := Measure(t.Context(), s, r, 2)
		if err != nil {
			t.Fatal(err)
		}
		if r.MaxPages > 0 && (c.Pages > r.MaxPages || c.Rows == 0) {
			t.Errorf("%s: %d rows took %d pages, want %d at most", r.Name, c.Rows, c.Pages, r.MaxPages)
		}
	}
	if err := printAnalytics(t.Context(), t.Output(), dsn, until, 1); err != nil {
		t.Error(err)
	}
}

// checkComplaints sees that what reads a large table whole is complained of, in
// each way in which it may, and nothing else.
func checkComplaints(t *testing.T, dsn string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for sql, want := range map[string]string{
		`SELECT count(*) FROM events WHERE resource = $1`:                                              "reads events whole",
		`SELECT name FROM stored_messages WHERE thread IS NOT DISTINCT FROM $1`:                        "reads stored_messages whole",
		`SELECT event_key FROM events ORDER BY event_time, event_key, ordinal`:                         "reads events whole",
		`DELETE FROM reactor_evaluations WHERE reason = @reason`:                                       "reads reactor_evaluations whole",
		`SELECT 1 FROM unnest($1::text[]) AS i (n) JOIN users u ON lower(u.user_name) = i.n`:           "reads users whole",
		`SELECT event_key FROM events ORDER BY event_time DESC, event_key DESC, ordinal DESC LIMIT 20`: "",
		`SELECT count(*) FROM events WHERE event_time > $1`:                                            "",
		`SELECT max(event_time) FROM events WHERE space_id = $1`:                                       "",
		`SELECT target FROM subscription_states ORDER BY target`:                                       "", // grows with the spaces
		`SELECT name FROM stored_messages WHERE thread = $1 AND thread <> ''`:                          "",
		`SELECT count(*) FROM reactor_runs WHERE outcome = 'pending'`:                                  "", // has an index of its own
		`SELECT now(), $1::text`: "",
	} {
		complaints, err := Plans(t.Context(), dsn, []statements.Statement{{Place: "here", SQL: sql}})
		switch {
		case err != nil:
			t.Errorf("%s: %v", sql, err)
		case want == "" && len(complaints) > 0, want != "" && (len(complaints) == 0 || !strings.HasPrefix(complaints[0].Why, want)):
			t.Errorf("%s: got %v, want %q", sql, complaints, want)
		}
	}
}

// fillRollups makes rollups that are as large as passes would make them, in a part of the time.
const fillRollups = `
	INSERT INTO rollup_activity (activity_date, space_id, user_id, messages, replies, edited, deleted, given, present)
	SELECT create_time::date, space_id, COALESCE(sender_id, 0), count(*), 0, 0, 0, 0, 0
	FROM stored_messages
	WHERE create_time > '-infinity'
	GROUP BY 1, 2, 3;
	INSERT INTO rollup_members (activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present)
	SELECT activity_date, user_id, count(*), sum(messages), 0, 0, 0, 0, 0, 0
	FROM rollup_activity
	GROUP BY 1, 2;
	INSERT INTO rollup_hours (hour_at, space_id, messages, messages_human, messages_app, reactions)
	SELECT date_trunc('hour', create_time), space_id, count(*), count(*), 0, 0
	FROM stored_messages
	WHERE create_time > '-infinity'
	GROUP BY 1, 2;
	INSERT INTO rollup_summary (activity_date, space_id, dau, wau, mau, posting_1d, posting_7d, posting_28d, messages, messages_human,
		messages_app, threads, replies, edited, deleted, reactions, joins, leaves)
	SELECT activity_date, space_id, count(*), 1, 1, 1, 1, 1, sum(messages), 1, 0, 0, 0, 0, 0, 0, 0, 0
	FROM rollup_activity
	GROUP BY 1, 2;
	INSERT INTO rollup_responses (activity_date, space_id, roots, answered, reacted_only, depth_0, depth_1, depth_2, depth_3_5, depth_6_10,
		depth_11, response_seconds)
	SELECT activity_date, space_id, 1, 1, 0, 0, 1, 0, 0, 0, 0, '{60}'
	FROM rollup_summary;
	INSERT INTO rollup_emoji (activity_date, space_id, reactions, members, emoji)
	SELECT activity_date, space_id, 1, 1, '👍'
	FROM rollup_summary;
	INSERT INTO rollup_stays (known_at, space_id, user_id, joined)
	SELECT c.event_time, c.space_id, u.id, true
	FROM stored_membership_changes c
	JOIN stored_memberships m ON m.space_id = c.space_id AND m.membership = c.membership
	JOIN users u ON u.user_name = m.member;
	DELETE FROM rollup_changes;
	ANALYZE`
