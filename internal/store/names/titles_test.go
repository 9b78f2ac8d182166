package names_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store/names"
)

func TestTitlesInAText(t *testing.T) {
	t.Parallel()
	titles := names.Titles{"spaces/A": "Team", "users/1": "Anna"}
	const text = "a reply to users/1 in spaces/A and spaces/B, spaces/A/messages/M"
	if got, want := titles.In(text), "a reply to Anna (users/1) in Team (spaces/A) and spaces/B, spaces/A/messages/M"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if diff := cmp.Diff([]string{"users/1", "spaces/A", "spaces/B"}, names.Named(text, "")); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
}

// A title stands for a space where only one has it; else those that may be meant are
// named.
func TestResolve(t *testing.T) {
	t.Parallel()
	known := map[string]string{"spaces/A": "Support team", "spaces/B": "Twins", "spaces/C": "twins"}
	for called, want := range map[string]string{
		"Support team": "spaces/A", "support TEAM": "spaces/A",
		"Twins":       "2 spaces are called that, spaces/B, spaces/C: name one by its id",
		"Supprt team": `no space is called that: did you mean "Support team"?`,
		"AAQA":        "no space is called that: name it by its id, such as spaces/AAQAtX4kZ1c",
	} {
		got, err := names.Resolve(known, called)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", called, got, want)
		}
	}
}
