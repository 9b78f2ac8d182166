package subscriptions_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// directory is a list of spaces, two to a page.
type directory struct {
	names []string // "spaces/S Display name"
	err   error
	calls int
}

func (d *directory) Spaces(_ context.Context, page string) (gchat.SpacesPage, error) {
	d.calls++
	if d.err != nil {
		return gchat.SpacesPage{}, d.err
	}
	rest := d.names
	if page != "" {
		rest = d.names[map[string]int{"more": 2, "most": 4}[page]:]
	}
	var list gchat.SpacesPage
	for i, n := range rest {
		if i == 2 {
			list.Next = map[string]string{"": "more", "more": "most"}[page]
			break
		}
		name, display, _ := strings.Cut(n, " ")
		list.Spaces = append(list.Spaces, gchat.SpaceInfo{Name: name, DisplayName: display})
	}
	return list, nil
}

func resolved(t *testing.T, r *subscriptions.Resolver) []string {
	t.Helper()
	list, err := r.Desired(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		line := d.Scope + " " + events.ShortType(d.EventTypes[0])
		if !d.IncludeResource {
			line += " names"
		}
		got = append(got, line)
	}
	return got
}

func TestResolve(t *testing.T) {
	t.Parallel()
	no := false
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = "my-project", "chat-events"
	cfg.Workspace.Spaces = []string{"spaces/A"}
	cfg.Workspace.Targets = []config.Target{
		{Target: "name:Team *", EventTypes: []string{"google.workspace.chat.reaction.v1.created"}},
		{Target: "spaces/B", IncludeResource: &no},
		{Target: "name:*News*", IncludeResource: &no},
		{Target: "name:Nobody"},
	}
	d := &directory{names: []string{"spaces/A Team A", "spaces/B Team B", "spaces/C Team News", "spaces/D Daily News", "spaces/E "}}
	r := subscriptions.NewResolver(cfg, subscriptions.ResolverOptions{Directory: d})
	const all = "membership.created"
	want := []string{
		"spaces/A " + all, "spaces/B " + all + " names", // by their names
		"spaces/C reaction.created", // by the first pattern
		"spaces/D " + all + " names",
	}
	if diff := cmp.Diff(want, resolved(t, r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	spaces, err := subscriptions.AllSpaces(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Unmatched(spaces); len(got) != 1 || got[0] != "name:Nobody" {
		t.Errorf("got %v unmatched", got)
	}
	// While the API is away, names mean what they meant.
	d.err = errors.New("away")
	if diff := cmp.Diff(want, resolved(t, r)); diff != "" {
		t.Errorf("while it is away: -want +got:\n%s", diff)
	}
	if _, err := subscriptions.NewResolver(cfg, subscriptions.ResolverOptions{Directory: d}).Desired(t.Context()); err == nil || !strings.Contains(err.Error(), "workspace.targets") {
		t.Errorf("without a list before: got %v", err)
	}
	// Where nothing is asked for by name, nobody is asked.
	cfg.Workspace.Targets, d.calls = nil, 0
	if got := resolved(t, subscriptions.NewResolver(cfg, subscriptions.ResolverOptions{Directory: d})); len(got) != 1 || d.calls != 0 {
		t.Errorf("got %v by %d calls", got, d.calls)
	}
}

// Where the configuration asks for it, spaces that the app was added to are
// desired as well.
func TestResolveFollowed(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = "my-project", "chat-events"
	cfg.Workspace.Spaces, cfg.Workspace.IncludeResource = []string{"spaces/A"}, false
	opts := subscriptions.ResolverOptions{
		Followed: func(context.Context) ([]string, error) { return []string{"spaces/A", "spaces/B"}, nil },
	}
	for on, want := range map[bool][]string{
		false: {"spaces/A membership.created names"},
		true:  {"spaces/A membership.created names", "spaces/B membership.created names"},
	} {
		cfg.Keeper.OnAdded = on
		if diff := cmp.Diff(want, resolved(t, subscriptions.NewResolver(cfg, opts))); diff != "" {
			t.Errorf("%v: -want +got:\n%s", on, diff)
		}
	}
	cfg.Keeper.OnAdded = true
	opts.Followed = func(context.Context) ([]string, error) { return nil, errors.New("away") }
	if _, err := subscriptions.NewResolver(cfg, opts).Desired(t.Context()); err == nil {
		t.Error("got no error")
	}
}

// Whoever wants the names gets every list, patterns or not; where nothing else
// needs it, a list that can't be read is no failure.
func TestResolveTellsNames(t *testing.T) {
	t.Parallel()
	d := &directory{names: []string{"spaces/A Sales", "spaces/B Support"}}
	cfg := config.Config{Workspace: config.Workspace{Spaces: []string{"spaces/A"}, EventTypes: []string{"google.workspace.chat.message.v1.created"}}}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var told []gchat.SpaceInfo
	r := subscriptions.NewResolver(cfg, subscriptions.ResolverOptions{
		Directory: d, Now: func() time.Time { return now },
		Listed: func(_ context.Context, asOf time.Time, list []gchat.SpaceInfo) {
			if !asOf.Equal(now) {
				t.Errorf("the list is as of %s, want %s", asOf, now)
			}
			told = list
		},
	})
	if got := resolved(t, r); len(got) != 1 {
		t.Errorf("desired: %q, want one space", got)
	}
	want := []gchat.SpaceInfo{{Name: "spaces/A", DisplayName: "Sales"}, {Name: "spaces/B", DisplayName: "Support"}}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	told, d.err = nil, errors.New("away")
	if got := resolved(t, r); len(got) != 1 || told != nil {
		t.Errorf("without a list: desired %q, told %v", got, told)
	}
}
