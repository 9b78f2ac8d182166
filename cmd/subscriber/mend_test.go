package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// What was received is printed as it was; what went to quarantine is listed,
// shown and recorded after all; projections that were broken are rebuilt.
func TestEventsAndQuarantine(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l, err := eventlog.New(db, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().UTC().Truncate(time.Second)
	older := 0
	delivered := func(id, data string) events.Delivery {
		older++
		d := events.Delivery{
			MessageID: "m-" + id, PublishTime: now, ReceivedAt: now.Add(-time.Duration(older) * time.Millisecond), Origin: events.OriginLive, Data: []byte(data),
			Attributes: map[string]string{
				"ce-id": "spaces/AAQA/spaceEvents/" + id, "ce-type": "google.workspace.chat.message.v1.created", "ce-specversion": "1.0",
				"ce-source": "//workspaceevents.googleapis.com/subscriptions/s", "ce-subject": "//chat.googleapis.com/spaces/AAQA",
				"ce-time": now.Format(time.RFC3339), "ce-datacontenttype": "application/json",
			},
		}
		d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
		return d
	}
	exec(`ALTER TABLE events DROP CONSTRAINT events_ordinal_check, ADD CONSTRAINT events_ordinal_check CHECK (message_id <> 'm-two')`)
	if _, err := l.Record(t.Context(), []events.Delivery{
		delivered("one", `{ "message": {"name": "spaces/AAQA/messages/1.1", "text": "<one> & \u0061"} }`),
		delivered("two", `{"message":{"name":"spaces/AAQA/messages/2.2","text":"two"}}`),
		delivered("three", `{"message":`),
	}); err != nil {
		t.Fatal(err)
	}
	exec(`ALTER TABLE events DROP CONSTRAINT events_ordinal_check`)
	env := environ{"SPACEKEEPER_DATABASE_DSN": dsn}
	var key, other string // they depend on the time
	if err := db.Pool().QueryRow(t.Context(), `SELECT max(quarantine_key::text) FILTER (WHERE message_id = 'm-two'),
		max(quarantine_key::text) FILTER (WHERE message_id = 'm-three') FROM quarantine`).Scan(&key, &other); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	say := func(args ...string) string {
		code, stdout, stderr := call(t, env, args...)
		seen.WriteString(transcript(args, code, stdout, stderr))
		return stdout
	}
	say("events", "show", "spaces/AAQA/spaceEvents/one")
	say("events", "show", "spaces/AAQA/spaceEvents/none")
	say("events", "export", "--since", "1h", "--type", "message.created")
	say("events", "export", "--since", "1h", "--type", "reaction")
	say("events", "export")
	say("quarantine", "list")
	say("quarantine", "show", key)
	say("quarantine", "show", "that one")
	say("quarantine", "retry", key)
	say("quarantine", "retry")
	say("quarantine", "list", "--reason", "rejected_by_database")
	exec(`DELETE FROM stored_messages`)
	say("projections", "rebuild", "--space", "AAQA")
	say("events", "export", "--since", "1h", "--space", "AAQA")
	say("projections", "rebuild")
	text := regexp.MustCompile(`"received_at":"[^"]*"`).ReplaceAllString(seen.String(), `"received_at":"NOW"`)
	text = regexp.MustCompile(`(received    ).*`).ReplaceAllString(text, "${1}NOW")
	text = regexp.MustCompile(`([0-9a-f-]{36})  [0-9-]{5} [0-9:]{8}`).ReplaceAllString(text, "${1}  NOW           ")
	text = strings.ReplaceAll(text, now.Format(time.RFC3339), "NOW")
	text = strings.ReplaceAll(text, now.Format("events_2006_01"), "events_MONTH")
	text = strings.ReplaceAll(strings.ReplaceAll(text, key, "KEY2"), other, "KEY3")
	golden(t, "mend", text)
	var n int
	if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM messages WHERE text IS NOT NULL`).Scan(&n); err != nil || n != 2 {
		t.Errorf("messages = %d, %v, want 2", n, err)
	}
}
