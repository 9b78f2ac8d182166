package analytics

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestFindSpace(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	now := time.Now()
	for id, name := range map[string]string{"spaces/AAQA1": "Team News", "spaces/AAQA2": "Twins", "spaces/AAQA3": "twins"} {
		storetest.Record(t, env, storetest.Interaction(id, now, "users/U", "Ann", id, name))
	}
	storetest.Record(t, env, storetest.Interaction("later", now.Add(time.Hour), "users/U", "Ann", "spaces/AAQA4", "News"))
	storetest.Record(t, env, storetest.Interaction("renamed", now.Add(2*time.Hour), "users/U", "Ann", "spaces/AAQA4", "Old Times"))
	for called, want := range map[string]string{
		"": "", "spaces/AAQA2": "spaces/AAQA2", "team news": "spaces/AAQA1",
		"news":         `--space "news": no space is called that any more; spaces/AAQA4 was, and is "Old Times" now`,
		"Team Nwes":    `--space "Team Nwes": no space is called that: did you mean "Team News"?`,
		"Twins":        `--space "Twins": 2 spaces are called that, spaces/AAQA2, spaces/AAQA3: name one by its id`,
		"spaces/AAQB1": `--space "spaces/AAQB1": no such space is known: did you mean spaces/AAQA1?`,
		"spaces/XYZ":   `--space "spaces/XYZ": no such space is known`,
	} {
		got, err := FindSpace(t.Context(), env.Store, called)
		if err != nil {
			got = strings.TrimSuffix(err.Error(), " (see --help)")
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", called, got, want)
		}
	}
}
