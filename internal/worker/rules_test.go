package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// What is asked of the configuration for a thousand rules is asked once.
func TestMissingEventsAreSoughtOnce(t *testing.T) {
	var file strings.Builder
	file.WriteString("reactors:\n")
	for i := range 100 {
		fmt.Fprintf(&file, "  - {id: rule-%d, on: message.created, do: [{record: {name: a}}]}\n", i)
	}
	cfg := config.Default()
	list, err := actions.List(cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Parse("reactors.yaml", []byte(file.String()), rules.Options{Actions: list})
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{cfg: cfg, log: zap.NewNop()}
	for i := range 1000 {
		w.cfg.Workspace.Spaces = append(w.cfg.Workspace.Spaces, fmt.Sprintf("spaces/AAQA%d", i))
	}
	if n := testing.AllocsPerRun(1, func() { w.warnOfMissingEvents(set) }); n > 3000 {
		t.Errorf("%v allocations for 100 rules and 1,000 spaces, want 3,000 at most", n)
	}
}

// Who starts a worker whose rules wait in vain is told which, and for what.
func TestWarnOfMissingEvents(t *testing.T) {
	t.Parallel()
	const prefix = "google.workspace.chat."
	cfg := config.Default()
	list, err := actions.List(cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Parse("reactors.yaml", []byte(`
reactors:
  - { id: welcome, on: [member.joined, member.left], do: [{ record: { name: a } }] }
  - { id: edits, on: [message.created, message.edited], do: [{ record: { name: b } }] }
  - { id: digest, on: schedule, cron: "0 9 * * mon", zone: UTC, spaces: [spaces/A], do: [{ record: { name: c } }] }
  - { id: old, mode: "off", on: reaction.added, do: [{ record: { name: d } }] }
`), rules.Options{Actions: list})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		targets []config.Target
		want    map[string][]any
	}{
		"no targets": {nil, map[string][]any{}},
		"one target for each": {[]config.Target{
			{Target: "spaces/A", EventTypes: []string{prefix + "membership.v1.created"}},
			{Target: "spaces/B", EventTypes: []string{prefix + "membership.v1.deleted"}},
		}, map[string][]any{"edits": {prefix + "message.v1.created", prefix + "message.v1.updated"}}},
		"two rules": {[]config.Target{
			{Target: "spaces/A", EventTypes: []string{prefix + "membership.v1.created", prefix + "message.v1.created"}},
		}, map[string][]any{"welcome": {prefix + "membership.v1.deleted"}, "edits": {prefix + "message.v1.updated"}}},
	} {
		core, logs := observer.New(zap.WarnLevel)
		w := &Worker{cfg: cfg, log: zap.New(core)}
		w.cfg.Workspace.Targets = c.targets
		w.warnOfMissingEvents(set)
		got := map[string][]any{}
		for _, e := range logs.All() {
			fields := e.ContextMap()
			got[fields["reactor"].(string)] = fields["event_types"].([]any)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", name, diff)
		}
	}
}
