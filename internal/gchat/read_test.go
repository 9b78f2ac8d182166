package gchat_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func person(ws *simulate.Workspace, space string) string {
	for _, member := range ws.Members(space) {
		if member != ws.App() {
			return member
		}
	}
	return ""
}

func memberName(space, user string) string {
	return space + "/members/" + strings.TrimPrefix(user, "users/")
}

func TestReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	user := person(ws, space)
	name := must[string](t)(ws.Post(space, user, "hello"))
	for what, got := range map[string]gchat.Resource{
		`"text":"hello"`:         must[gchat.Resource](t)(client.Message(t.Context(), name)),
		`"state":"JOINED"`:       must[gchat.Resource](t)(client.Membership(t.Context(), memberName(space, user))),
		`"spaceType":"SPACE"`:    must[gchat.Resource](t)(client.Space(t.Context(), space)),
		`"name":"` + user + `",`: must[gchat.Resource](t)(client.Message(t.Context(), name)),
	} {
		if !strings.Contains(string(got.Data), what) {
			t.Errorf("got %s, want %s in it", got.Data, what)
		}
		if y := got.AsOf.Year(); y != 2026 {
			t.Errorf("got time %s, want Google's", got.AsOf)
		}
	}
}

// A read that is refused says whether the thing is gone or the app may not
// look.
func TestGoneOrDenied(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	user := person(ws, space)
	first := must[string](t)(ws.Post(space, user, "first"))
	reply := must[string](t)(ws.Reply(first, user, "reply"))
	if err := ws.DeleteWithReplies(first); err != nil {
		t.Fatal(err)
	}
	message := func(name string) error { _, err := client.Message(t.Context(), name); return err }
	member := func(name string) error { _, err := client.Membership(t.Context(), name); return err }
	chatSpace := func(name string) error { _, err := client.Space(t.Context(), name); return err }
	event := func(name string) error { _, _, err := client.Event(t.Context(), name); return err }
	if err := message(first); err != nil {
		t.Errorf("a tombstone can't be read: %v", err)
	}
	check := func(what string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) || !reactors.IsPermanent(got) {
			t.Errorf("%s: got %v, want a permanent error: %v", what, got, want)
		}
	}
	check("reply that went along", message(reply), gchat.ErrGone)
	check("message that never was", message(space+"/messages/x"), gchat.ErrGone)
	check("somebody who isn't a member", member(space+"/members/x"), gchat.ErrGone)
	check("space that never was", chatSpace("spaces/x"), gchat.ErrGone)
	check("event that never was", event(space+"/spaceEvents/x"), gchat.ErrGone)
	ws.SetCondition(simulate.AppNotConfigured, true)
	check("event without an app", event(space+"/spaceEvents/x"), gchat.ErrDenied)
	ws.SetCondition(simulate.AppNotConfigured, false)

	if err := ws.RemoveMember(space, ws.App()); err != nil {
		t.Fatal(err)
	}
	check("message", message(first), gchat.ErrDenied)
	check("membership", member(memberName(space, user)), gchat.ErrDenied)
	check("space", chatSpace(space), gchat.ErrDenied)
}

// While it can't be seen whether a forbidden message is gone, that isn't said.
func TestForbiddenWithoutAProbe(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	first := must[string](t)(ws.Post(space, person(ws, space), "first"))
	ws.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
		if c.Method == "spaces.messages.get" {
			return simulate.ChatFault{Status: http.StatusForbidden}
		}
		return simulate.ChatFault{Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Second}
	})
	_, err := client.Message(t.Context(), first)
	if wait, asked := reactors.RetryDelay(err); !asked || wait != 3*time.Second || reactors.IsPermanent(err) {
		t.Errorf("got %v, want that it may be tried again after 3s", err)
	}
}

func TestReadsAnEventAgain(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	name := must[string](t)(ws.Post(space, person(ws, space), "hello"))
	if _, err := ws.React(name, person(ws, space), "👍"); err != nil {
		t.Fatal(err)
	}
	list := must[gchat.EventsPage](t)(client.SpaceEvents(t.Context(), gchat.EventsQuery{
		Space: space, Types: []string{"google.workspace.chat.reaction.v1.created"},
	}))
	got, at, err := client.Event(t.Context(), list.Events[0].Name)
	if err != nil || got.Name != list.Events[0].Name || string(got.Data) != string(list.Events[0].Data) || at.Year() != 2026 {
		t.Errorf("got %+v as of %s, %v; want %+v", got, at, err, list.Events[0])
	}
}

func TestMembersAreListedInPages(t *testing.T) {
	t.Parallel()
	ws, client, space := startWorkspace(t, true)
	for range 2000 {
		if err := ws.AddMembers(space, ws.AddUser(false)); err != nil {
			t.Fatal(err)
		}
	}
	listed, pages := map[string]bool{}, 0
	for q := (gchat.MembersQuery{Space: space}); pages == 0 || q.Page != ""; pages++ {
		page := must[gchat.MembersPage](t)(client.Members(t.Context(), q))
		for _, m := range page.Members {
			if m.State != "JOINED" || m.Type != "HUMAN" || m.DisplayName == "" || m.Role != "ROLE_MEMBER" {
				t.Fatalf("got %+v", m)
			}
			listed[m.Name] = true
		}
		q.Page = page.Next
	}
	if want := len(ws.Members(space)) - 1; len(listed) != want || pages != 3 { // without the app
		t.Errorf("got %d members on %d pages, want %d on 3", len(listed), pages, want)
	}
	if _, err := client.Members(t.Context(), gchat.MembersQuery{Space: space, AsUser: true}); !reactors.IsPermanent(err) {
		t.Errorf("an app that asks as a user: got %v, want a refusal", err)
	}
	if _, err := client.Members(t.Context(), gchat.MembersQuery{Space: "spaces/x"}); !errors.Is(err, gchat.ErrGone) {
		t.Errorf("no such space: got %v", err)
	}
}

// Reads keep to the quota of a space by themselves: 25 at once take as long as
// it asks for, and none is refused.
func TestReadsAreKeptWithinTheSpacesQuota(t *testing.T) {
	t.Parallel()
	ws, err := simulate.Start(t.Context(), simulate.Options{Seed: 1, Spaces: 1, Publisher: simulatetest.Deaf{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	client := must[*gchat.Client](t)(gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, ws.ChatEndpoint())}))
	t.Cleanup(client.Close)
	space := ws.Spaces()[0].Name
	errs := make(chan error)
	const reads = 25
	for i := range reads {
		go func() {
			var err error
			if i%2 == 0 {
				_, err = client.Space(t.Context(), space)
			} else {
				_, err = client.Members(t.Context(), gchat.MembersQuery{Space: space})
			}
			if err != nil {
				err = fmt.Errorf("read %d: %w", i, err)
			}
			errs <- err
		}()
	}
	for range reads {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
