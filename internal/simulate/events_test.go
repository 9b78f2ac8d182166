package simulate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/workspaceevents/v1"
)

func containsStatus(body, status string) bool { return strings.Contains(body, `"status":"`+status+`"`) }

// scene replaces the made-up names in a wanted payload.
func (v *world) scene(extra ...string) *strings.Replacer {
	pairs := []string{`"spaceType":"SPACE"`, `"spaceType":"SPACE"`, "SPACE", v.space, "USER", v.people[0], "ID", strings.TrimPrefix(v.people[0], "users/")}
	return strings.NewReplacer(append(extra, pairs...)...)
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	const at = `2026-01-03T02:18:12.` // the clock stands still, so that only microseconds pass
	tests := []struct {
		name     string
		prepare  func(*world) string // returns what MSG, NEW and REACTION stand for
		do       func(*world, string) error
		wantType string
		want     string
		names    string // with includeResource=false
	}{
		{
			name: "message created",
			do: func(v *world, _ string) error {
				_, err := v.Post(v.space, v.people[0], "Who are you?")
				return err
			},
			wantType: "message.v1.created",
			want: `{"message":{"name":"?","sender":{"name":"USER","type":"HUMAN"},"createTime":"?","text":"Who are you?",
				"formattedText":"Who are you?","argumentText":"Who are you?","thread":{"name":"?"},"space":{"name":"SPACE"}}}`,
			names: `{"message":{"name":"?"}}`,
		},
		{
			name:    "reply",
			prepare: func(v *world) string { return must(v.Post(v.space, v.people[1], "first")) },
			do: func(v *world, msg string) error {
				_, err := v.Reply(msg, v.people[0], "second")
				return err
			},
			wantType: "message.v1.created",
			want: `{"message":{"name":"?","sender":{"name":"USER","type":"HUMAN"},"createTime":"?","text":"second",
				"formattedText":"second","argumentText":"second","thread":{"name":"?"},"threadReply":true,"space":{"name":"SPACE"}}}`,
			names: `{"message":{"name":"?"}}`,
		},
		{
			name:     "message updated",
			prepare:  func(v *world) string { return must(v.Post(v.space, v.people[0], "first")) },
			do:       func(v *world, msg string) error { return v.Edit(msg, "better") },
			wantType: "message.v1.updated",
			want: `{"message":{"name":"MSG","sender":{"name":"USER","type":"HUMAN"},"createTime":"?","lastUpdateTime":"?","text":"better",
				"formattedText":"better","argumentText":"better","thread":{"name":"?"},"space":{"name":"SPACE"}}}`,
			names: `{"message":{"name":"MSG"}}`,
		},
		{
			name:     "message deleted",
			prepare:  func(v *world) string { return must(v.Post(v.space, v.people[0], "first")) },
			do:       func(v *world, msg string) error { return v.Delete(msg) },
			wantType: "message.v1.deleted",
			want:     `{"message":{"name":"MSG","createTime":"?","deletionMetadata":{"deletionType":"CREATOR"}}}`,
			names:    `{"message":{"name":"MSG"}}`,
		},
		{
			name:     "member joined",
			prepare:  func(v *world) string { return v.outsider() },
			do:       func(v *world, u string) error { return v.AddMembers(v.space, u) },
			wantType: "membership.v1.created",
			want: `{"membership":{"name":"SPACE/members/NEWID","state":"JOINED","role":"ROLE_MEMBER",
				"member":{"name":"NEW","type":"HUMAN"},"createTime":"1970-01-01T00:00:00Z"}}`,
			names: `{"membership":{"name":"SPACE/members/NEWID"}}`,
		},
		{
			name:     "bot joined",
			prepare:  func(v *world) string { return v.AddUser(true) },
			do:       func(v *world, u string) error { return v.AddMembers(v.space, u) },
			wantType: "membership.v1.created",
			want: `{"membership":{"name":"SPACE/members/NEWID","state":"JOINED","role":"ROLE_MEMBER",
				"member":{"name":"NEW","type":"BOT"},"createTime":"1970-01-01T00:00:00Z"}}`,
			names: `{"membership":{"name":"SPACE/members/NEWID"}}`,
		},
		{
			name: "two members joined",
			prepare: func(v *world) string {
				u := v.outsider()
				mustDo(v.AddMembers(v.Spaces()[1].Name, u)) // elsewhere: not our subscription's
				return u
			},
			do:       func(v *world, u string) error { return v.AddMembers(v.space, u, v.AddUser(true)) },
			wantType: "membership.v1.batchCreated",
			want: `{"memberships":[
				{"membership":{"name":"SPACE/members/NEWID","state":"JOINED","role":"ROLE_MEMBER",
					"member":{"name":"NEW","type":"HUMAN"},"createTime":"1970-01-01T00:00:00Z"}},
				{"membership":{"name":"?","state":"JOINED","role":"ROLE_MEMBER",
					"member":{"name":"?","type":"BOT"},"createTime":"1970-01-01T00:00:00Z"}}]}`,
			names: `{"memberships":[{"membership":{"name":"SPACE/members/NEWID"}},{"membership":{"name":"?"}}]}`,
		},
		{
			name:     "member invited",
			prepare:  func(v *world) string { return v.outsider() },
			do:       func(v *world, u string) error { return v.Invite(v.space, u) },
			wantType: "membership.v1.created",
			want: `{"membership":{"name":"SPACE/members/NEWID","state":"INVITED","role":"ROLE_MEMBER",
				"member":{"name":"NEW","type":"HUMAN"},"createTime":"1970-01-01T00:00:00Z"}}`,
			names: `{"membership":{"name":"SPACE/members/NEWID"}}`,
		},
		{
			name: "invitation accepted",
			prepare: func(v *world) string {
				u := v.outsider()
				mustDo(v.Invite(v.space, u))
				return u
			},
			do:       func(v *world, u string) error { return v.Accept(v.space, u) },
			wantType: "membership.v1.updated",
			want: `{"membership":{"name":"SPACE/members/NEWID","state":"JOINED","role":"ROLE_MEMBER",
				"member":{"name":"NEW","type":"HUMAN"},"createTime":"1970-01-01T00:00:00Z"}}`,
			names: `{"membership":{"name":"SPACE/members/NEWID"}}`,
		},
		{
			name:     "role changed",
			do:       func(v *world, _ string) error { return v.SetRole(v.space, v.people[0], "ROLE_MANAGER") },
			wantType: "membership.v1.updated",
			want: `{"membership":{"name":"SPACE/members/ID","state":"JOINED","role":"ROLE_MANAGER",
				"member":{"name":"USER","type":"HUMAN"},"createTime":"1970-01-01T00:00:00Z"}}`,
			names: `{"membership":{"name":"SPACE/members/ID"}}`,
		},
		{
			name:     "member left",
			do:       func(v *world, _ string) error { return v.RemoveMember(v.space, v.people[0]) },
			wantType: "membership.v1.deleted",
			want:     `{"membership":{"name":"SPACE/members/ID","state":"NOT_A_MEMBER"}}`,
			names:    `{"membership":{"name":"SPACE/members/ID"}}`,
		},
		{
			name:     "group added",
			do:       func(v *world, _ string) error { return skip(v.AddGroup(v.space)) },
			wantType: "membership.v1.created",
			want:     `{"membership":{"name":"?","state":"JOINED","groupMember":{"name":"?"},"createTime":"1970-01-01T00:00:00Z"}}`,
			names:    `{"membership":{"name":"?"}}`,
		},
		{
			name:     "group removed",
			prepare:  func(v *world) string { return must(v.AddGroup(v.space)) },
			do:       func(v *world, group string) error { return v.RemoveGroup(v.space, group) },
			wantType: "membership.v1.deleted",
			want:     `{"membership":{"name":"?","state":"NOT_A_MEMBER"}}`,
			names:    `{"membership":{"name":"?"}}`,
		},
		{
			name:    "reaction created",
			prepare: func(v *world) string { return must(v.Post(v.space, v.people[1], "first")) },
			do: func(v *world, msg string) error {
				_, err := v.React(msg, v.people[0], "👍")
				return err
			},
			wantType: "reaction.v1.created",
			// The id is the capture's: base64 of "UNICODE.👍".
			want:  `{"reaction":{"name":"MSG/reactions/ID.VU5JQ09ERS7wn5GN","user":{"name":"USER","type":"HUMAN"},"emoji":{"unicode":"👍"}}}`,
			names: `{"reaction":{"name":"MSG/reactions/ID.VU5JQ09ERS7wn5GN"}}`,
		},
		{
			name: "reaction deleted",
			prepare: func(v *world) string {
				return must(v.React(must(v.Post(v.space, v.people[1], "first")), v.people[0], ":party-parrot:"))
			},
			do:       func(v *world, r string) error { return v.Unreact(r) },
			wantType: "reaction.v1.deleted",
			want: `{"reaction":{"name":"MSG","user":{"name":"USER","type":"HUMAN"},
				"emoji":{"customEmoji":{"name":"customEmojis/party-parrot","uid":"party-parrot","emojiName":":party-parrot:"}}}}`,
			names: `{"reaction":{"name":"MSG"}}`,
		},
		{
			name:     "space updated",
			do:       func(v *world, _ string) error { return v.RenameSpace(v.space, "Cymbal Sales") },
			wantType: "space.v1.updated",
			want: `{"space":{"name":"SPACE","displayName":"Cymbal Sales","spaceThreadingState":"THREADED_MESSAGES",
				"spaceType":"SPACE","spaceDetails":{"description":"?"},"spaceHistoryState":"HISTORY_ON"}}`,
			names: `{"space":{"name":"SPACE"}}`,
		},
		{
			name:     "space deleted",
			do:       func(v *world, _ string) error { return v.DeleteSpace(v.space) },
			wantType: "space.v1.deleted",
			want:     `{"space":{"name":"SPACE"}}`,
			names:    `{"space":{"name":"SPACE"}}`,
		},
	}
	for _, tt := range tests {
		for _, include := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/resource=%t", tt.name, include), func(t *testing.T) {
				t.Parallel()
				v := newWorld(t, Options{})
				var made string
				if tt.prepare != nil {
					made = tt.prepare(v)
				}
				sub := v.subscribe(t, func(s *workspaceevents.Subscription) {
					s.PayloadOptions.IncludeResource = include
				})
				check(t, tt.do(v, made))

				got := v.pubsub.take()
				if len(got) != 1 {
					t.Fatalf("got %d messages, want 1", len(got))
				}
				m := got[0]
				names := v.scene("MSG", made, "NEWID", strings.TrimPrefix(made, "users/"), "NEW", made)
				want := tt.want
				if !include {
					want = tt.names
				}
				if diff := cmp.Diff(decoded(t, names.Replace(want)), decoded(t, string(m.Data)), ignoreUnknown); diff != "" {
					t.Errorf("data (-want +got):\n%s", diff)
				}
				if m.OrderingKey != "//workspaceevents.googleapis.com/"+sub.Name {
					t.Errorf("got ordering key %q", m.OrderingKey)
				}
				id := m.Attributes["ce-id"]
				delete(m.Attributes, "ce-id")
				when := m.Attributes["ce-time"]
				if !strings.HasPrefix(when, at) || len(when) != len("2026-01-03T02:18:12.886639Z") {
					t.Errorf("got ce-time %q", when)
				}
				if diff := cmp.Diff(map[string]string{
					"ce-type":            "google.workspace.chat." + tt.wantType,
					"ce-source":          "//workspaceevents.googleapis.com/" + sub.Name,
					"ce-subject":         "//chat.googleapis.com/" + v.space,
					"ce-time":            when,
					"ce-specversion":     "1.0",
					"ce-datacontenttype": "application/json",
				}, m.Attributes); diff != "" {
					t.Errorf("attributes (-want +got):\n%s", diff)
				}
				checkEventID(t, id, v.space, when, tt.wantType)
			})
		}
	}
}

// checkEventID takes an id apart as captures were: base64url of
// "1767406692886639_6_created".
func checkEventID(t *testing.T, id, space, when, shortType string) {
	t.Helper()
	encoded, ok := strings.CutPrefix(id, space+"/spaceEvents/")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil {
		t.Fatalf("got event id %q: %v", id, err)
	}
	var micros, number int64
	var verb string
	if _, err := fmt.Sscanf(strings.ReplaceAll(string(raw), "_", " "), "%d %d %s", &micros, &number, &verb); err != nil {
		t.Fatalf("got event id of %q: %v", raw, err)
	}
	if got := stamp(time.UnixMicro(micros)); got != when || !strings.HasSuffix(shortType, "."+verb) {
		t.Errorf("got event id of %q, which isn't %s at %s", raw, shortType, when)
	}
}

// ignoreUnknown lets "?" stand for any string.
var ignoreUnknown = cmp.Comparer(func(a, b string) bool { return a == b || a == "?" || b == "?" })

func decoded(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return v
}

func TestCreateTimeIsEventTime(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	must(v.Post(v.space, v.people[0], "now"))
	m := v.pubsub.take()[0]
	var data struct{ Message struct{ CreateTime string } }
	check(t, json.Unmarshal(m.Data, &data))
	if got, want := data.Message.CreateTime, m.Attributes["ce-time"]; got != want {
		t.Errorf("got createTime %s, want ce-time %s", got, want)
	}
}

func TestFieldMask(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t, func(s *workspaceevents.Subscription) {
		s.PayloadOptions.FieldMask = "message.sender.name,message.createTime,message.nonsense"
	})
	must(v.Post(v.space, v.people[0], "now"))
	want := v.scene().Replace(`{"message":{"sender":{"name":"USER"},"createTime":"?"}}`)
	if diff := cmp.Diff(decoded(t, want), decoded(t, string(v.pubsub.take()[0].Data)), ignoreUnknown); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestOnlyWhatWasSubscribedIsDelivered(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t, func(s *workspaceevents.Subscription) {
		s.EventTypes = []string{chatType + "reaction.v1.created"}
	})
	other := v.Spaces()[1].Name
	msg := must(v.Post(v.space, v.people[0], "not asked for"))
	must(v.Post(other, v.Members(other)[1], "not asked for"))
	if got := v.pubsub.take(); len(got) != 0 {
		t.Errorf("got %d messages, want none", len(got))
	}
	must(v.React(msg, v.people[0], "👍"))
	if got := v.pubsub.take(); len(got) != 1 {
		t.Errorf("got %d messages, want the reaction", len(got))
	}
}

// One change goes to each subscription that matches, with the same event id
// and another source.
func TestOverlappingSubscriptions(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	v.subscribe(t, func(s *workspaceevents.Subscription) { s.TargetResource = customerPrefix + "my_customer" })
	must(v.Post(v.space, v.people[0], "twice"))
	got := v.pubsub.take()
	if len(got) != 2 {
		t.Fatalf("got %d messages, want 2", len(got))
	}
	a, b := got[0].Attributes, got[1].Attributes
	if a["ce-id"] != b["ce-id"] || a["ce-source"] == b["ce-source"] {
		t.Errorf("got ids %s, %s from sources %s, %s", a["ce-id"], b["ce-id"], a["ce-source"], b["ce-source"])
	}
	if n := len(v.Truth().Events); n != 2 {
		t.Errorf("got %d events in the truth, want 2", n)
	}
}

func TestCoalesce(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	msg := must(v.Post(v.space, v.people[0], "root"))
	v.subscribe(t)
	check(t, v.Coalesce(func() error {
		must(v.Post(v.space, v.people[0], "one"))
		must(v.React(msg, v.people[1], "👍"))
		must(v.Post(v.space, v.people[1], "two"))
		return nil
	}))
	var types []string
	for _, m := range v.pubsub.take() {
		types = append(types, strings.TrimPrefix(m.Attributes["ce-type"], chatType))
	}
	if diff := cmp.Diff([]string{"message.v1.batchCreated", "reaction.v1.created"}, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if got := v.Counts(); got.Events != 2 || got.Items != 3 {
		t.Errorf("got %+v, want 2 events with 3 items", got)
	}
}

func TestMutatorsRefuse(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	msg := must(v.Post(v.space, v.people[0], "root"))
	reaction := must(v.React(msg, v.people[0], "👍"))
	stranger := v.outsider()
	gone := must(v.Post(v.space, v.people[0], "gone"))
	check(t, v.Delete(gone))
	v.pubsub.take()
	first := func(_ string, err error) error { return err }
	tests := map[string]error{
		"post from outside":     first(v.Post(v.space, stranger, "hello")),
		"post nothing":          first(v.Post(v.space, v.people[0], "")),
		"post too much":         first(v.Post(v.space, v.people[0], strings.Repeat("x", 32_001))),
		"post nowhere":          first(v.Post("spaces/none", v.people[0], "hello")),
		"reply to the deleted":  first(v.Reply(gone, v.people[0], "hello")),
		"edit the deleted":      v.Edit(gone, "hello"),
		"delete twice":          v.Delete(gone),
		"react from outside":    first(v.React(msg, stranger, "👍")),
		"react twice":           first(v.React(msg, v.people[0], "👍")),
		"unreact nothing":       v.Unreact(reaction + "x"),
		"add a member":          v.AddMembers(v.space, v.people[0]),
		"add somebody twice":    v.AddMembers(v.space, stranger, stranger),
		"add nobody":            v.AddMembers(v.space, "users/none"),
		"invite a member":       v.Invite(v.space, v.people[0]),
		"accept uninvited":      v.Accept(v.space, stranger),
		"accept a member":       v.Accept(v.space, v.people[0]),
		"remove a stranger":     v.RemoveMember(v.space, stranger),
		"promote a stranger":    v.SetRole(v.space, stranger, "ROLE_MANAGER"),
		"rename nothing":        v.RenameSpace("spaces/none", "x"),
		"delete no space":       v.DeleteSpace("spaces/none"),
		"create with nobody":    first(v.CreateSpace("x", "users/none")),
		"suspend nothing":       v.Suspend("subscriptions/none", "OTHER"),
		"run without an end":    v.Run(t.Context(), Activity{}),
		"garbage without topic": v.PublishGarbage(GarbageEmpty, "projects/p/topics/none"),
	}
	for name, err := range tests {
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if got := v.pubsub.take(); len(got) != 0 {
		t.Errorf("got %d events of what was refused", len(got))
	}
}

// A new space is heard of only through its memberships, by who subscribed to
// the whole customer.
func TestNewSpaceUnderCustomer(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t, func(s *workspaceevents.Subscription) { s.TargetResource = customerPrefix + "my_customer" })
	name := must(v.CreateSpace("New", v.people[0]))
	got := v.pubsub.take()
	if len(got) != 1 || got[0].Attributes["ce-type"] != chatType+"membership.v1.batchCreated" || got[0].Attributes["ce-subject"] != spaceTarget(name) {
		t.Errorf("got %v, want one batch of memberships", got)
	}
	if joins := v.Truth().Joins; len(joins) != 2 || !joins[0].Bot || joins[1].User != v.people[0] || !joins[1].Published {
		t.Errorf("got joins %+v", joins)
	}
}
