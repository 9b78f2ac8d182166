package gchat_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

// asUser is a Workspace whose caller is a person, and a client that is meant so.
func asUser(t *testing.T) (*simulate.Workspace, *gchat.Client, string) {
	t.Helper()
	ws := must[*simulate.Workspace](t)(simulate.Start(t.Context(), simulate.Options{
		Seed: 1, Spaces: 1, Publisher: simulatetest.Deaf{}, Auth: simulate.AuthUser,
	}))
	t.Cleanup(func() { ws.Close() })
	client := must[*gchat.Client](t)(gchat.New(t.Context(), gchat.Options{
		Endpoint: conformancetest.Proxy(t, ws.ChatEndpoint()), Auth: config.Auth{Mode: config.AuthUser},
	}))
	t.Cleanup(client.Close)
	return ws, client, ws.Spaces()[0].Name
}

func TestCreateReaction(t *testing.T) {
	t.Parallel()
	ws, client, space := asUser(t)
	name := must[string](t)(ws.Post(space, ws.Authority(), "hello"))
	ws.SetChatFaults(only("spaces.messages.reactions.create", simulate.ChatFault{DropReply: true}))
	if err := client.CreateReaction(t.Context(), name, "👍"); err == nil || reactors.IsPermanent(err) {
		t.Errorf("without an answer: got %v, want an error that a retry mends", err)
	}
	if err := client.CreateReaction(t.Context(), name, "👍"); err != nil {
		t.Errorf("again: %v", err)
	}
	if got := ws.Truth().Reactions; len(got) != 1 || got[0].User != ws.Authority() || got[0].Emoji != "👍" {
		t.Errorf("got %+v, want one reaction of the user's", got)
	}
	if err := ws.Delete(name); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		err  error
		says string
	}{
		"deleted":  {client.CreateReaction(t.Context(), name, "🎉"), "isn't there any more"},
		"no emoji": {client.CreateReaction(t.Context(), name, ""), "no emoji"},
		"no name":  {client.CreateReaction(t.Context(), space, "👍"), "not a message's name"},
	} {
		if !reactors.IsPermanent(c.err) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v, want a permanent error with %q", what, c.err, c.says)
		}
	}
	ws.SetScopes("https://www.googleapis.com/auth/chat.messages.readonly")
	if err := client.CreateReaction(t.Context(), name, "🎉"); err == nil || reactors.IsPermanent(err) || !strings.Contains(err.Error(), "consent for reactions") {
		t.Errorf("without the scope: got %v", err)
	}
}

func TestAnAppCannotReact(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	name := must[string](t)(ws.Post(space, person(ws, space), "hello"))
	err := client.CreateReaction(t.Context(), name, "👍")
	if !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "auth.mode") {
		t.Errorf("got %v, want that a person is needed", err)
	}
	if n := ws.Counts().ChatCalls; n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestFindDirectMessage(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	user := person(ws, space)
	_, err := client.FindDirectMessage(t.Context(), user)
	if !reactors.IsPermanent(err) || !errors.Is(err, gchat.ErrNoDirectMessage) || !strings.Contains(err.Error(), "write to the app first") {
		t.Errorf("got %v, want that there is none", err)
	}
	want := must[string](t)(ws.WriteToApp(user, "hi"))
	if got := must[string](t)(client.FindDirectMessage(t.Context(), user)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	request := requestTo(ws, space, 1)
	request.Space, request.PrivateViewer = want, ""
	must[gchat.Message](t)(client.CreateMessage(t.Context(), request))
	for _, user := range []string{"users/none", "7", ""} {
		if _, err := client.FindDirectMessage(t.Context(), user); !reactors.IsPermanent(err) || errors.Is(err, gchat.ErrNoDirectMessage) {
			t.Errorf("%q: got %v, want a permanent error", user, err)
		}
	}
	ws.SetChatFaults(only("spaces.findDirectMessage", simulate.ChatFault{Status: 503}))
	if _, err := client.FindDirectMessage(t.Context(), user); err == nil || reactors.IsPermanent(err) {
		t.Errorf("503: got %v, want an error that a retry mends", err)
	}
}

func TestAddMember(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	add := func(user string) string { return must[string](t)(client.AddMember(t.Context(), space, user)) }
	user, invited := ws.AddUser(false), ws.AddUser(false)
	if got := add(user); got != gchat.Joined {
		t.Errorf("got %s", got)
	}
	if got := add(user); got != gchat.Joined {
		t.Errorf("a member: got %s", got)
	}
	ws.SetAutoAccept(false)
	ws.SetChatFaults(only("spaces.members.create", simulate.ChatFault{DropReply: true}))
	if got := add(invited); got != gchat.Invited {
		t.Errorf("without an answer: got %s, want what a look tells", got)
	}
	if got := add(invited); got != gchat.Invited {
		t.Errorf("again: got %s", got)
	}
	ws.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
		if c.Method == "spaces.members.get" {
			return simulate.ChatFault{Status: 503}
		}
		return simulate.ChatFault{}
	})
	if got := add(user); got != "" {
		t.Errorf("a member who can't be looked at: got %s", got)
	}
	if n := len(ws.Truth().Memberships); n != 2 {
		t.Errorf("got %d changes, want 2", n)
	}
	for _, fault := range []simulate.ChatFault{{Status: 500}, {Status: 409, Code: "ABORTED"}, {Status: 499, Code: "CANCELLED"}} {
		ws.SetChatFaults(only("spaces.members.create", fault))
		if _, err := client.AddMember(t.Context(), space, ws.AddUser(false)); err == nil || reactors.IsPermanent(err) {
			t.Errorf("%+v: got %v, want an error that a retry mends", fault, err)
		}
	}
}

func TestRemoveMember(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	user := person(ws, space)
	remove := func(user string) error { return client.RemoveMember(t.Context(), space, user) }

	ws.SetCondition(simulate.AppNotConfigured, true)
	if err := remove(user); !reactors.IsPermanent(err) {
		t.Errorf("without an app: got %v, want that this isn't taken for a success", err)
	}
	ws.SetCondition(simulate.AppNotConfigured, false)
	ws.SetChatFaults(only("spaces.members.delete", simulate.ChatFault{Status: 503}, simulate.ChatFault{DropReply: true}))
	if err := remove(user); err == nil || reactors.IsPermanent(err) {
		t.Errorf("503: got %v, want an error that a retry mends", err)
	}
	if err := remove(user); err != nil {
		t.Errorf("without an answer: got %v, want that a look settles it", err)
	}
	if err := remove(user); err != nil {
		t.Errorf("again: %v", err)
	}
	if l := ws.Truth().Memberships; len(l) != 1 || l[0].User != user {
		t.Errorf("got %+v, want one removal", l)
	}
}

func TestMembershipsThatTheAppMayNotChange(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	manager := person(ws, space)
	if err := ws.SetRole(space, manager, "ROLE_MANAGER"); err != nil {
		t.Fatal(err)
	}
	add := func(space, user string) error { _, err := client.AddMember(t.Context(), space, user); return err }
	for what, c := range map[string]struct {
		err  error
		says string
	}{
		"external":   {add(space, ws.AddExternalUser()), "of other organizations"},
		"a bot":      {add(space, ws.AddUser(true)), "approve the scope"},
		"nobody":     {add(space, "users/none"), "doesn't exist"},
		"a manager":  {client.RemoveMember(t.Context(), space, manager), "a space's managers"},
		"no space":   {add("", manager), "not a space's name"},
		"no user":    {client.RemoveMember(t.Context(), space, "members/7"), "not a user's name"},
		"gone space": {add("spaces/none", manager), "doesn't exist"},
	} {
		if !reactors.IsPermanent(c.err) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v, want a permanent error with %q", what, c.err, c.says)
		}
	}
	ws.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
		return simulate.ChatFault{Status: http.StatusTooManyRequests}
	})
	if err := client.RemoveMember(t.Context(), space, manager); err == nil || reactors.IsPermanent(err) {
		t.Errorf("429: got %v, want an error that a retry mends", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.RemoveMember(ctx, space, manager); !errors.Is(err, context.Canceled) || reactors.IsPermanent(err) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
