package gchat_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func TestMembershipState(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	user := ws.AddUser(false)
	state := func() gchat.MembershipState {
		t.Helper()
		return must[gchat.MembershipState](t)(client.MembershipState(t.Context(), space, user))
	}
	joins := func() (joined time.Time) {
		t.Helper()
		if err := ws.AddMembers(space, user); err != nil {
			t.Fatal(err)
		}
		l := ws.Truth().Joins
		return l[len(l)-1].Time
	}
	leaves := func() {
		t.Helper()
		if err := ws.RemoveMember(space, user); err != nil {
			t.Fatal(err)
		}
	}
	if got := state(); got != (gchat.MembershipState{State: gchat.NotMember}) {
		t.Errorf("before: got %+v, want no member", got)
	}
	for range 2 {
		if want, got := joins(), state(); got.State != gchat.Joined || !got.Since.Equal(want) {
			t.Errorf("got %+v, want that they joined at %s", got, want)
		}
		leaves()
	}
	if err := ws.Invite(space, user); err != nil {
		t.Fatal(err)
	}
	if got := state(); got.State != gchat.Invited || got.Since.IsZero() {
		t.Errorf("got %+v, want that they are invited", got)
	}
}

func TestMembershipStateThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	user := person(ws, space)
	look := func(space, user string) error { _, err := client.MembershipState(t.Context(), space, user); return err }
	for what, c := range map[string]struct {
		err  error
		says string
	}{
		"no space": {look("", user), "not a space's name"},
		"no user":  {look(space, "members/7"), "not a user's name"},
	} {
		if !reactors.IsPermanent(c.err) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: got %v, want a permanent error with %q", what, c.err, c.says)
		}
	}
	if n := ws.Counts().ChatCalls; n != 0 {
		t.Errorf("got %d calls for wrong names, want none", n)
	}
	ws.SetChatFaults(only("spaces.members.get", simulate.ChatFault{Status: http.StatusForbidden}))
	if err := look(space, user); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "approve the scope chat.app.memberships") {
		t.Errorf("403: got %v, want what has to be approved", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.MembershipState(ctx, space, user); !errors.Is(err, context.Canceled) || reactors.IsPermanent(err) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

// A 404 that speaks of the app isn't one that speaks of the person.
func TestMembershipStateWithoutAnApp(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"code":404,"status":"NOT_FOUND","message":"Google Chat app not found."}}`, http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	client := must[*gchat.Client](t)(gchat.New(t.Context(), gchat.Options{Endpoint: server.URL}))
	t.Cleanup(client.Close)
	if got, err := client.MembershipState(t.Context(), "spaces/A", "users/1"); !reactors.IsPermanent(err) {
		t.Errorf("got %+v, %v, want that this isn't taken for somebody who has left", got, err)
	}
}
