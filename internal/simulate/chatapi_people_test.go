package simulate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/api/chat/v1"
)

func (v *world) add(space, user string) (*chat.Membership, error) {
	return v.chat.Spaces.Members.Create(space, &chat.Membership{Member: &chat.User{Name: user, Type: "HUMAN"}}).Do()
}

func (v *world) remove(space, user string) error {
	return skip(v.chat.Spaces.Members.Delete(space + "/members/" + strings.TrimPrefix(user, "users/")).Do())
}

func TestAppChangesMemberships(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	joins, invited := v.outsider(), v.outsider()
	m, err := v.add(v.space, joins)
	check(t, err)
	v.SetAutoAccept(false)
	i, err := v.add(v.space, invited)
	check(t, err)
	if m.State != "JOINED" || i.State != "INVITED" || m.Member.Name != joins {
		t.Errorf("got %+v and %+v, want one joined and one invited", m, i)
	}
	check(t, v.remove(v.space, joins))
	var types []string
	for _, e := range v.pubsub.take() {
		types = append(types, strings.TrimPrefix(e.Attributes["ce-type"], chatType))
	}
	if diff := cmp.Diff([]string{"membership.v1.created", "membership.v1.created", "membership.v1.deleted"}, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	want := []AppMembership{
		{Space: v.space, User: joins, State: "JOINED"},
		{Space: v.space, User: invited, State: "INVITED"},
		{Space: v.space, User: joins, State: "NOT_A_MEMBER"},
	}
	if diff := cmp.Diff(want, v.Truth().Memberships, cmpopts.IgnoreFields(AppMembership{}, "Time")); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
	if n := len(v.Truth().Joins); n != 1 {
		t.Errorf("got %d joins, want that the invited person hasn't joined", n)
	}
}

func TestMembershipsThatAnAppCannotChange(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	bot, manager := v.AddUser(true), v.people[1]
	check(t, v.AddMembers(v.space, bot))
	check(t, v.SetRole(v.space, manager, "ROLE_MANAGER"))
	group, err := v.AddGroup(v.space, v.outsider())
	check(t, err)
	direct := must(v.WriteToApp(v.people[0], "hi"))
	addGroup := func() error {
		return skip(v.chat.Spaces.Members.Create(v.space, &chat.Membership{GroupMember: &chat.Group{Name: group}}).Do())
	}
	for name, tt := range map[string]struct {
		err  error
		code int
	}{
		"add a member":          {skip(v.add(v.space, v.people[0])), 409},
		"add a bot":             {skip(v.add(v.space, v.AddUser(true))), 403},
		"add somebody external": {skip(v.add(v.space, v.AddExternalUser())), 403},
		"add a group":           {addGroup(), 403},
		"add nobody known":      {skip(v.add(v.space, "users/none")), 404},
		"add to a direct one":   {skip(v.add(direct, v.people[1])), 400},
		"remove a stranger":     {v.remove(v.space, v.outsider()), 404},
		"remove a bot":          {v.remove(v.space, bot), 403},
		"remove a manager":      {v.remove(v.space, manager), 403},
		"remove a group":        {v.remove(v.space, "group-"+strings.TrimPrefix(group, "groups/")), 403},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, tt.err, tt.code, "") })
	}
	v.SetScopes("https://www.googleapis.com/auth/chat.app.memberships.readonly")
	wantError(t, skip(v.add(v.space, v.outsider())), 403, "")
	v.SetScopes("https://www.googleapis.com/auth/chat.app.memberships")
	check(t, skip(v.add(v.space, v.outsider())))
	v.SetCondition(ApprovalMissing, true)
	wantError(t, v.remove(v.space, v.people[0]), 403, "PERMISSION_DENIED")
}

func TestReactions(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{Auth: AuthUser})
	v.subscribe(t)
	name := must(v.Post(v.space, v.people[0], "hello"))
	gone := must(v.Post(v.space, v.people[0], "gone"))
	check(t, v.Delete(gone))
	v.pubsub.take()
	react := func(message, emoji string) error {
		return skip(v.chat.Spaces.Messages.Reactions.Create(message, &chat.Reaction{Emoji: &chat.Emoji{Unicode: emoji}}).Do())
	}
	check(t, react(name, "👍"))
	wantError(t, react(name, "👍"), http.StatusConflict, "ALREADY_EXISTS")
	wantError(t, react(gone, "👍"), 404, "NOT_FOUND")
	wantError(t, react(name, ":party:"), 400, "INVALID_ARGUMENT")
	wantError(t, react(name, ""), 400, "INVALID_ARGUMENT")
	wantError(t, react(name, "🎉"), http.StatusTooManyRequests, "RESOURCE_EXHAUSTED") // the sixth in a second
	want := []AppReaction{{Message: name, User: v.Authority(), Emoji: "👍"}}
	if diff := cmp.Diff(want, v.Truth().Reactions, cmpopts.IgnoreFields(AppReaction{}, "Time")); diff != "" {
		t.Errorf("truth (-want +got):\n%s", diff)
	}
	if events := v.pubsub.take(); len(events) != 1 || events[0].Attributes["ce-type"] != chatType+"reaction.v1.created" {
		t.Errorf("got %d events, want one", len(events))
	}
	v.clock.Advance(time.Second)
	v.SetScopes("https://www.googleapis.com/auth/chat.messages.reactions.readonly")
	wantError(t, react(name, "🎉"), 403, "PERMISSION_DENIED")
}

func TestAnAppCannotReact(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	name := must(v.Post(v.space, v.people[0], "hello"))
	_, err := v.chat.Spaces.Messages.Reactions.Create(name, &chat.Reaction{Emoji: &chat.Emoji{Unicode: "👍"}}).Do()
	wantError(t, err, 403, "PERMISSION_DENIED")
}

func TestDirectMessages(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	find := func(user string) (*chat.Space, error) { return v.chat.Spaces.FindDirectMessage().Name(user).Do() }
	_, err := find(v.people[0])
	wantError(t, err, 404, "NOT_FOUND")
	_, err = find(v.App())
	wantError(t, err, 400, "INVALID_ARGUMENT")
	_, err = find("users/none")
	wantError(t, err, 400, "INVALID_ARGUMENT")
	name := must(v.WriteToApp(v.people[0], "hi"))
	if again := must(v.WriteToApp(v.people[0], "hi again")); again != name {
		t.Errorf("got %s, want %s: there is one for each person", again, name)
	}
	got, err := find(v.people[0])
	check(t, err)
	if got.Name != name || got.SpaceType != "DIRECT_MESSAGE" || !got.SingleUserBotDm || got.DisplayName != "" {
		t.Errorf("got %+v", got)
	}
	_, err = find(v.people[1])
	wantError(t, err, 404, "NOT_FOUND")
	sent, err := v.chat.Spaces.Messages.Create(name, &chat.Message{Text: "hello", Thread: &chat.Thread{ThreadKey: "k"}}).
		MessageReplyOption("REPLY_MESSAGE_OR_FAIL").Do() // there are no threads: the option is ignored
	check(t, err)
	if sent.ThreadReply {
		t.Errorf("got %+v, want no reply", sent)
	}
	for _, s := range v.Spaces() {
		if s.Name == name {
			t.Error("a direct message is among the named spaces")
		}
	}
	list, err := v.chat.Spaces.List().Filter(`space_type = "DIRECT_MESSAGE"`).Do()
	check(t, err)
	if len(list.Spaces) != 1 || list.Spaces[0].Name != name {
		t.Errorf("got %d direct messages in the list, want 1", len(list.Spaces))
	}
}

// A user who reads doesn't keep the app from writing where it is and the user
// is not.
func TestTheAppWritesWhoeverReads(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{Auth: AuthUser})
	name := must(v.WriteToApp(v.people[1], "hi"))
	_, err := v.chat.Spaces.Messages.Create(name, &chat.Message{Text: "hello"}).Do()
	check(t, err)
	_, err = v.chat.Spaces.Messages.List(name).Do()
	wantError(t, err, 403, "PERMISSION_DENIED")
}

func TestMembershipWritesQuota(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	for range 300 {
		wantError(t, v.remove(v.space, "users/none"), 404, "")
	}
	wantError(t, v.remove(v.space, "users/none"), http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
}

// Each joining is a membership of its own, and accepting an invitation isn't.
func TestMembershipsTellSinceWhen(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	user := v.outsider()
	since := func() time.Time {
		t.Helper()
		m, err := v.chat.Spaces.Members.Get(v.space + "/members/" + strings.TrimPrefix(user, "users/")).Do()
		check(t, err)
		return must(time.Parse(time.RFC3339Nano, m.CreateTime))
	}
	joined := func() time.Time { l := v.Truth().Joins; return l[len(l)-1].Time }
	check(t, v.AddMembers(v.space, user))
	first := joined()
	if got := since(); !got.Equal(first) {
		t.Errorf("added by a manager: got %s, want %s", got, first)
	}
	check(t, v.remove(v.space, user))
	_, err := v.add(v.space, user)
	check(t, err)
	if got, want := since(), joined(); !got.Equal(want) || !want.After(first) {
		t.Errorf("added again by the app: got %s, want %s", got, want)
	}
	check(t, v.remove(v.space, user))
	check(t, v.Invite(v.space, user))
	invited := since()
	check(t, v.Accept(v.space, user))
	if got := since(); !got.Equal(invited) || !joined().After(invited) {
		t.Errorf("accepted: got %s, want the time of the invitation, %s", got, invited)
	}
}
