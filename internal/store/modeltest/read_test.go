package modeltest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// held is what a reader sees of the database, as the fold says it. pg_temp.tick
// is a time as the fold says it, and owner whose history it is.
const held = `
	SELECT space, format('log %s %s: at %s %s %s %s %s %s', event_key, ordinal, tick(event_time), kind, verb, type, resource,
		origin)
	FROM event_log
	UNION ALL
	SELECT space, CASE WHEN version_time = '-infinity' THEN format('space %s: name %L type %L at NULL deleted %s',
		space, display_name, space_type, tick(deleted_at))
		ELSE format('space %s: name %L type %L at %s deleted %s', space, display_name, space_type, tick(version_time), tick(deleted_at)) END
	FROM spaces
	UNION ALL
	SELECT space, format('space %s: threading %L history %L description %L fetched %s event %s', space, threading_state, history_state,
		description, tick(payload_as_of), version_key)
	FROM spaces
	WHERE version_time <> '-infinity'
	UNION ALL
	SELECT owner(user_name), format('user %s: type %L name %L', user_name, user_type, display_name)
	FROM users
	UNION ALL
	SELECT owner(name), format('name of %s since %s: %s', name, tick(known_at), display_name)
	FROM (SELECT *, lag(display_name) OVER (PARTITION BY name ORDER BY known_at) AS before FROM names) n
	WHERE before IS DISTINCT FROM display_name
	UNION ALL
	SELECT space, format('message %s: ', message) || CASE
		WHEN deleted_at IS NOT NULL THEN format('deleted %s by %L text %L', tick(deleted_at), deletion_type, text)
		WHEN text IS NULL THEN 'unknown'
		ELSE format('text %L attachments %s at %s told at %s fetched %s event %s', text, attachments, tick(version_time), tick(event_time),
			tick(payload_as_of), version_key) END
	FROM messages
	UNION ALL
	SELECT space, format('message %s: sender %L thread %L created %s', message, sender, thread, tick(NULLIF(create_time, '-infinity')))
	FROM messages
	UNION ALL
	SELECT space_id, format('mention in %s: %L %s', message_id, member_id, mention_type)
	FROM analytics.fct_mentions
	UNION ALL
	SELECT space_id, format('message %s: mentions %s', message_id, mentions)
	FROM analytics.fct_messages
	WHERE mentions IS NOT NULL
	UNION ALL
	SELECT space_id, format('version for analysts %s at %s: %L attachments %s %s current %s', message_id, tick(version_at), text, attachments, source,
		is_current::text)
	FROM analytics.fct_message_versions
	UNION ALL
	SELECT split_part(message, '/messages/', 1), format('version %s at %s: %L attachments %s fetched %s current %s', message, tick(version_time),
		text, attachments, tick(payload_as_of), is_current::text)
	FROM message_history
	UNION ALL
	SELECT split_part(message, '/messages/', 1), format('reaction %s: there %s added %s removed %s by %L emoji %L at %s event %s %s', reaction,
		present::text, tick(added_at), tick(removed_at), user_name, emoji, tick(version_time), version_key, verb_order)
	FROM reactions
	UNION ALL
	SELECT space, format('change of %s at %s by %s %s: %s %s %L role %L type %L fetched %s', membership, tick(event_time), event_key, ordinal,
		verb, origin, state, role, member_type, tick(fetched_at))
	FROM membership_changes
	UNION ALL
	SELECT space, format('member %s: %L state %L role %L affiliation %L', membership, member, state, role, affiliation)
	FROM memberships
	UNION ALL
	SELECT m.space, format('member %s: at %s', m.membership, tick(m.version_time))
	FROM memberships m
	JOIN spaces s USING (space)
	WHERE s.deleted_at IS NULL
	UNION ALL
	SELECT space, format('interval of %s: %s from %s to %s', membership, member, tick(joined_at), tick(left_at))
	FROM membership_intervals
	UNION ALL
	SELECT DISTINCT split_part(attributes->>'ce-id', '/spaceEvents/', 1), format('quarantine %s', attributes->>'ce-id')
	FROM quarantine
	UNION ALL
	SELECT space, format('unapplied %s: %s', event_key, detail)
	FROM unapplied_events`

// read returns what the database holds, by space.
func read(t *testing.T, s *storetest.Env) map[string][]string {
	t.Helper()
	conn, err := s.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{
		fmt.Sprintf(`CREATE OR REPLACE FUNCTION tick(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
			RETURN CASE WHEN isfinite(t) THEN (extract(epoch FROM t) - %d)::float8::text ELSE 'NULL' END`, epoch.Unix()),
		`CREATE OR REPLACE FUNCTION owner(name text) RETURNS text LANGUAGE sql IMMUTABLE
			RETURN CASE WHEN name LIKE 'users/%' THEN 'spaces/M' || substr(name, 8, 6)::int ELSE name END`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := conn.Query(t.Context(), held)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	var space, line string
	if _, err := pgx.ForEachRow(rows, []any{&space, &line}, func() error {
		found[space] = append(found[space], line)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	bytes := map[string]bool{}
	if err := s.Each(t.Context(), originals.Filter{}, func(e originals.Event) error {
		attributes := map[string]string{
			"ce-id": e.ID, "ce-type": e.Type, "ce-source": e.Source, "ce-time": e.Time.Format("2006-01-02T15:04:05.999999999Z07:00"),
			"ce-specversion": "1.0", "ce-datacontenttype": "application/json", "ce-subject": "//chat.googleapis.com/" + e.Space,
		}
		if e.Source == "" {
			attributes = nil
		}
		ev, malformed := events.Decode(attributes, e.Data)
		if malformed != nil {
			return fmt.Errorf("the bytes of %s: %w", e.ID, malformed)
		}
		for _, it := range ev.Items {
			line := fmt.Sprintf("%s\nbytes of %x %d: %s, content ", e.Space, e.Key, it.Ordinal, it.Resource)
			bytes[line] = bytes[line] || !it.NamesOnly()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for line, content := range bytes {
		space, line, _ := strings.Cut(line, "\n")
		found[space] = append(found[space], fmt.Sprint(line, content))
	}
	return found
}
