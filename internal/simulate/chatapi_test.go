package simulate

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/chat/v1"
	"google.golang.org/api/googleapi"
)

func (v *world) create(text string) *chat.SpacesMessagesCreateCall {
	return v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: text})
}

func TestCreateMessage(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	viewer := v.people[0]
	in := &chat.Message{Text: "Welcome <" + viewer + ">!", PrivateMessageViewer: &chat.User{Name: viewer}}
	got, err := v.chat.Spaces.Messages.Create(v.space, in).RequestId("r1").MessageId("client-w-1").Do()
	check(t, err)
	if got.Text != in.Text || got.Sender.Name != v.App() || got.Sender.Type != "BOT" ||
		got.PrivateMessageViewer.Name != viewer || got.ClientAssignedMessageId != "client-w-1" {
		t.Errorf("got %+v", got)
	}

	// It comes back as an event, from a bot.
	data := string(v.pubsub.take()[0].Data)
	want := v.scene().Replace(`{"message":{"name":"?","sender":{"name":"` + v.App() + `","type":"BOT"},"createTime":"?","text":"Welcome <USER>!",
		"formattedText":"Welcome <USER>!","argumentText":"Welcome <USER>!","thread":{"name":"?"},"space":{"name":"SPACE"},"clientAssignedMessageId":"client-w-1"}}`)
	if diff := cmp.Diff(decoded(t, want), decoded(t, data), ignoreUnknown); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}

	// It can be fetched by both names, and the truth has it.
	for _, name := range []string{got.Name, v.space + "/messages/client-w-1"} {
		again, err := v.chat.Spaces.Messages.Get(name).Do()
		check(t, err)
		if again.Name != got.Name || again.Text != in.Text {
			t.Errorf("get %s: got %+v", name, again)
		}
	}
	if diff := cmp.Diff([]AppMessage{{
		Space: v.space, Name: got.Name, ClientID: "client-w-1", RequestID: "r1", Viewer: viewer,
		Thread: got.Thread.Name, Text: in.Text, Time: v.Truth().AppMessages[0].Time,
	}}, v.Truth().AppMessages); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
}

func TestCreateMessageIsIdempotent(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	first, err := v.create("hello").RequestId("r1").MessageId("client-1").Do()
	check(t, err)
	v.clock.Advance(time.Second)
	again, err := v.create("hello, but not the same").RequestId("r1").MessageId("client-1").Do()
	check(t, err)
	if again.Name != first.Name || again.Text != "" {
		t.Errorf("got %q with text %q, want the first message, partly filled", again.Name, again.Text)
	}
	v.clock.Advance(time.Second)
	_, err = v.create("hello").RequestId("r2").MessageId("client-1").Do()
	wantError(t, err, http.StatusConflict, "ALREADY_EXISTS")
	v.clock.Advance(time.Second)
	_, err = v.create("no ids").Do()
	check(t, err)
	v.clock.Advance(time.Second)
	_, err = v.create("no ids").Do()
	check(t, err)
	if n := len(v.Truth().AppMessages); n != 3 {
		t.Errorf("got %d messages, want 3", n)
	}
}

func TestCreateMessageRefuses(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	stranger, bot := v.outsider(), v.AddUser(true)
	check(t, v.AddMembers(v.space, bot))
	invited := v.outsider()
	check(t, v.Invite(v.space, invited))
	private := func(viewer string) *chat.SpacesMessagesCreateCall {
		return v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "hi", PrivateMessageViewer: &chat.User{Name: viewer}})
	}
	threaded := func(th *chat.Thread, option string) *chat.SpacesMessagesCreateCall {
		return v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "hi", Thread: th}).MessageReplyOption(option)
	}
	tests := map[string]struct {
		call   *chat.SpacesMessagesCreateCall
		code   int
		status string
	}{
		"empty":             {v.create(""), 400, "INVALID_ARGUMENT"},
		"too long":          {v.create(strings.Repeat("ä", 16_001)), 400, "INVALID_ARGUMENT"},
		"id without prefix": {v.create("hi").MessageId("welcome-1"), 400, "INVALID_ARGUMENT"},
		"id in upper case":  {v.create("hi").MessageId("client-W"), 400, "INVALID_ARGUMENT"},
		"id too long":       {v.create("hi").MessageId("client-" + strings.Repeat("a", 57)), 400, "INVALID_ARGUMENT"},
		"viewer outside":    {private(stranger), 400, "INVALID_ARGUMENT"},
		"viewer invited":    {private(invited), 400, "INVALID_ARGUMENT"},
		"viewer is a bot":   {private(bot), 400, "INVALID_ARGUMENT"},
		"viewer unknown":    {private("users/none"), 400, "INVALID_ARGUMENT"},
		"thread unknown":    {threaded(&chat.Thread{Name: v.space + "/threads/x"}, "REPLY_MESSAGE_OR_FAIL"), 404, "NOT_FOUND"},
		"reply option":      {threaded(nil, "NONSENSE"), 400, "INVALID_ARGUMENT"},
		"no such space":     {v.chat.Spaces.Messages.Create("spaces/none", &chat.Message{Text: "hi"}), 404, "NOT_FOUND"},
	}
	for name, tt := range tests {
		v.clock.Advance(time.Second)
		_, err := tt.call.Do()
		t.Run(name, func(t *testing.T) { wantError(t, err, tt.code, tt.status) })
	}

	v.clock.Advance(time.Second)
	_, err := v.create(strings.Repeat("ä", 16_000)).MessageId("client-" + strings.Repeat("a", 56)).Do()
	check(t, err) // just within the limits

	check(t, v.RemoveMember(v.space, v.App()))
	v.clock.Advance(time.Second)
	_, err = v.create("hi").Do()
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	check(t, v.DeleteSpace(v.space))
	v.clock.Advance(time.Second)
	_, err = v.create("hi").Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
}

func TestThreads(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	const fallback = "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
	send := func(thread *chat.Thread, option string) *chat.Message {
		v.clock.Advance(time.Second)
		m, err := v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "hi", Thread: thread}).MessageReplyOption(option).Do()
		check(t, err)
		return m
	}
	root := send(&chat.Thread{ThreadKey: "k"}, fallback)
	byKey := send(&chat.Thread{ThreadKey: "k"}, "REPLY_MESSAGE_OR_FAIL")
	byName := send(&chat.Thread{Name: root.Thread.Name}, fallback)
	alone := send(&chat.Thread{Name: root.Thread.Name}, "")
	if root.ThreadReply || !byKey.ThreadReply || !byName.ThreadReply || alone.ThreadReply {
		t.Errorf("got replies %t %t %t %t, want only the second and third", root.ThreadReply, byKey.ThreadReply, byName.ThreadReply, alone.ThreadReply)
	}
	if byKey.Thread.Name != root.Thread.Name || byName.Thread.Name != root.Thread.Name || alone.Thread.Name == root.Thread.Name {
		t.Error("the messages are in the wrong threads")
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	_, err := v.create("one").Do()
	check(t, err)
	v.clock.Advance(999 * time.Millisecond)
	_, err = v.create("two").Do()
	wantError(t, err, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
	_, err = v.chat.Spaces.Messages.Create(v.Spaces()[1].Name, &chat.Message{Text: "elsewhere"}).Do()
	check(t, err)
	v.clock.Advance(time.Millisecond)
	_, err = v.create("two").Do()
	check(t, err)

	for range 15 {
		_, err = v.chat.Spaces.Get(v.space).Do()
		check(t, err)
	}
	_, err = v.chat.Spaces.Members.List(v.space).Do()
	wantError(t, err, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
}

func TestProjectQuota(t *testing.T) {
	t.Parallel()
	q := newChatQuotas()
	for i := range 3000 {
		if apiErr := q.take(messageWrites, "", start.Add(time.Duration(i)*time.Millisecond)); apiErr != nil {
			t.Fatalf("write %d: %v", i, apiErr)
		}
	}
	if q.take(messageWrites, "", start.Add(59*time.Second)) == nil {
		t.Error("write 3001 within a minute was allowed")
	}
	if apiErr := q.take(messageWrites, "", start.Add(time.Minute)); apiErr != nil {
		t.Errorf("the quota doesn't come back: %v", apiErr)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	var names []string
	for _, text := range []string{"one", "two", "three"} {
		names = append(names, must(v.Post(v.space, v.people[0], text)))
	}
	check(t, v.Edit(names[0], "one, mended"))
	check(t, v.Delete(names[1]))
	_, err := v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "psst", PrivateMessageViewer: &chat.User{Name: v.people[0]}}).Do()
	check(t, err)

	list := func(change func(*chat.SpacesMessagesListCall)) []string {
		v.clock.Advance(time.Second)
		call := v.chat.Spaces.Messages.List(v.space).PageSize(1)
		change(call)
		var texts []string
		check(t, call.Pages(t.Context(), func(page *chat.ListMessagesResponse) error {
			for _, m := range page.Messages {
				texts = append(texts, m.Text)
			}
			return nil
		}))
		return texts
	}
	if diff := cmp.Diff([]string{"one, mended", "three"}, list(func(*chat.SpacesMessagesListCall) {})); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"three", "", "one, mended"}, list(func(c *chat.SpacesMessagesListCall) { c.ShowDeleted(true).OrderBy("DESC") })); diff != "" {
		t.Errorf("list backwards with deleted (-want +got):\n%s", diff)
	}

	tombstone, err := v.chat.Spaces.Messages.Get(names[1]).Do()
	check(t, err)
	if tombstone.DeleteTime == "" || tombstone.Text != "" || tombstone.DeletionMetadata.DeletionType != "CREATOR" {
		t.Errorf("got tombstone %+v", tombstone)
	}
	_, err = v.chat.Spaces.Messages.Get(v.space + "/messages/client-none").Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
	_, err = v.chat.Spaces.Messages.List(v.space).Filter(`create_time > "2026-01-01T00:00:00Z"`).Do()
	wantError(t, err, http.StatusNotImplemented, "UNIMPLEMENTED")
	_, err = v.chat.Spaces.Messages.List(v.space).PageSize(-1).Do()
	wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
	_, err = v.chat.Spaces.Messages.Update(names[0], &chat.Message{Text: "put"}).Do()
	wantError(t, err, http.StatusNotImplemented, "UNIMPLEMENTED")
}

func TestMembers(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	invited := v.outsider()
	check(t, v.Invite(v.space, invited))
	var users []string
	check(t, v.chat.Spaces.Members.List(v.space).PageSize(3).Pages(t.Context(), func(page *chat.ListMembershipsResponse) error {
		for _, m := range page.Memberships {
			users = append(users, m.Member.Name)
			if m.State != "JOINED" || m.Member.DisplayName == "" {
				t.Errorf("got %+v", m)
			}
		}
		return nil
	}))
	if diff := cmp.Diff(v.people, users); diff != "" { // neither the app nor the invited
		t.Errorf("members (-want +got):\n%s", diff)
	}
	member := func(id string) (*chat.Membership, error) {
		return v.chat.Spaces.Members.Get(v.space + "/members/" + id).Do()
	}
	m, err := member(strings.TrimPrefix(invited, "users/"))
	check(t, err)
	if m.State != "INVITED" {
		t.Errorf("got state %s, want INVITED", m.State)
	}
	m, err = member("app")
	check(t, err)
	if m.Member.Name != v.App() {
		t.Errorf("got %s, want the app", m.Member.Name)
	}
	_, err = member("none")
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
	_, err = v.chat.Spaces.Members.List(v.space).ShowInvited(true).Do()
	wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{Spaces: 5})
	check(t, v.RemoveMember(v.space, v.App()))
	check(t, v.DeleteSpace(v.Spaces()[1].Name))
	var names []string
	check(t, v.chat.Spaces.List().PageSize(2).Pages(t.Context(), func(page *chat.ListSpacesResponse) error {
		for _, s := range page.Spaces {
			names = append(names, s.Name)
		}
		return nil
	}))
	var want []string
	for _, s := range v.Spaces()[1:] {
		want = append(want, s.Name)
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("spaces (-want +got):\n%s", diff)
	}
	for filter, n := range map[string]int{
		`space_type = "SPACE"`: 3,
		`spaceType = "GROUP_CHAT" OR spaceType = "DIRECT_MESSAGE"`: 0,
	} {
		list, err := v.chat.Spaces.List().Filter(filter).Do()
		check(t, err)
		if len(list.Spaces) != n {
			t.Errorf("filter %s: got %d spaces, want %d", filter, len(list.Spaces), n)
		}
	}
	_, err := v.chat.Spaces.List().Filter(`display_name = "x"`).Do()
	wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
	s, err := v.chat.Spaces.Get(names[0]).Do()
	check(t, err)
	if s.DisplayName != v.Spaces()[1].DisplayName {
		t.Errorf("got %q", s.DisplayName)
	}
	_, err = v.chat.Spaces.Get(v.space).Do()
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
}

func TestChatFaults(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)

	v.SetChatFaults(func(c ChatCall) ChatFault {
		return ChatFault{Status: http.StatusServiceUnavailable, RetryAfter: 1500 * time.Millisecond}
	})
	_, err := v.create("hello").Do()
	wantError(t, err, http.StatusServiceUnavailable, "UNAVAILABLE")
	var g *googleapi.Error
	if !errors.As(err, &g) || g.Header.Get("Retry-After") != "2" {
		t.Errorf("got Retry-After %q, want 2", g.Header.Get("Retry-After"))
	}

	v.SetChatFaults(DropReplies(1, 1))
	_, err = v.create("hello").RequestId("r").MessageId("client-1").Do()
	if g = nil; err == nil || errors.As(err, &g) {
		t.Errorf("got %v, want a broken connection", err)
	}
	v.SetChatFaults(nil)
	if m, err := v.chat.Spaces.Messages.Get(v.space + "/messages/client-1").Do(); err != nil || m.Text != "hello" {
		t.Errorf("the message isn't there: %v", err)
	}

	v.clock.Advance(time.Second)
	v.SetChatFaults(func(c ChatCall) ChatFault {
		if c.Method != "spaces.messages.create" || c.Space != v.space || c.RequestID != "r2" || c.MessageID != "client-2" {
			t.Errorf("got %+v", c)
		}
		return ChatFault{Twice: true, Latency: time.Millisecond}
	})
	_, err = v.create("welcome").RequestId("r2").MessageId("client-2").Do()
	check(t, err)
	if l := v.Truth(); len(l.AppMessages) != 3 || len(l.Events) != 3 {
		t.Errorf("got %d messages and %d events, want 3: the last was doubled", len(l.AppMessages), len(l.Events))
	}
}
