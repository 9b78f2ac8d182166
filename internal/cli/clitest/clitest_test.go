package clitest

import (
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	t.Parallel()
	const text = "| `subscriber demo` | runs; `--for`, `--rate` |\n" +
		"go run ./cmd/subscriber migrate up   # do it\n" +
		"`subscribe-setup delete spaces/AAQA -o json` and gcloud x --role=roles/pubsub.subscriber\n" +
		"subscriber reactors runs --reactor welcome\n"
	for program, want := range map[string][]string{
		"subscriber":      {"subscriber demo --for --rate", "subscriber migrate up", "subscriber reactors runs --reactor"},
		"subscribe-setup": {"subscribe-setup delete -o"},
	} {
		var got []string
		for _, c := range find(text, program) {
			got = append(got, strings.Join(slices.Concat([]string{c.program}, c.words, c.flags), " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
