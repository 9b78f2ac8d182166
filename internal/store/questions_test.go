package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// The questions of an analyst, in the SQL that an analyst would write.
func TestAnalystsQuestions(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	const m1, m2, m3 = "spaces/S/messages/1", "spaces/S/messages/2", "spaces/T/messages/3"
	day := 24 * 3600
	none := time.Time{}
	record(t, s,
		join("j1", 0), leave("j2", 100), join("j3", 200),
		live("a", at(10), message(events.VerbCreated, m1, ann, "helo", at(10), none)),
		live("b", at(20), message(events.VerbUpdated, m1, ann, "hello", at(10), at(20))),
		live("c", at(30), message(events.VerbCreated, m2, ann, "secret", at(30), none)),
		live("d", at(-day), message(events.VerbCreated, m3, ann, "early", at(-day), none)),
		live("e", at(40), message(events.VerbDeleted, m2, "", "", at(30), none)),
		live("r1", at(41), reaction(events.VerbCreated, m1, ann, "👍")),
		live("r2", at(42), reaction(events.VerbCreated, m3, ann, "👍")),
		live("r3", at(43), reaction(events.VerbCreated, m1, ann, "🎉")),
		live("r4", at(44), reaction(events.VerbDeleted, m1, ann, "🎉")),
	)
	questions := []struct {
		question, sql string
		want          []string
	}{
		{"messages per space per day", `
			SELECT format('%s %s %s', space, (event_time AT TIME ZONE 'UTC')::date, count(*))
			FROM event_log
			WHERE kind = 'message' AND verb = 'created'
			GROUP BY space, (event_time AT TIME ZONE 'UTC')::date
			ORDER BY 1`,
			[]string{"spaces/S 2026-11-20 2", "spaces/T 2026-11-19 1"}},
		{"who joined when and left when", `
			SELECT format('%s %s %s', member, to_char(joined_at AT TIME ZONE 'UTC', 'HH24:MI:SS'),
				to_char(left_at AT TIME ZONE 'UTC', 'HH24:MI:SS'))
			FROM membership_intervals
			WHERE space = 'spaces/S'
			ORDER BY joined_at`,
			[]string{"users/ann 12:00:00 12:01:40", "users/ann 12:03:20 "}},
		{"top emoji", `
			SELECT emoji || ' ' || count(*)
			FROM reactions
			WHERE present
			GROUP BY emoji
			ORDER BY count(*) DESC`,
			[]string{"👍 2"}},
		{"what it said before it was edited", `
			SELECT text
			FROM message_history
			WHERE message = 'spaces/S/messages/1' AND NOT is_current
			ORDER BY version_time DESC
			LIMIT 1`,
			[]string{"helo"}},
		{"what a deleted message said", `
			SELECT h.text || ' ' || m.deletion_type
			FROM message_history h
			JOIN messages m ON m.message = h.message
			WHERE m.deleted_at IS NOT NULL`,
			[]string{"secret CREATOR"}},
		{"an event by its ce-id", `
			SELECT format('%s %s %s', ce_id, resource, event_key = event_key('spaces/S/spaceEvents/a'))
			FROM event_log
			WHERE event_key = event_key('spaces/S/spaceEvents/a')`,
			[]string{"spaces/S/spaceEvents/a spaces/S/messages/1 t"}},
	}
	for _, q := range questions {
		if diff := cmp.Diff(q.want, column(t, s, q.sql)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", q.question, diff)
		}
	}
}
