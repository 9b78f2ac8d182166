package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
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

// slowAction takes until it is closed to check its parameters, as a module may
// that has to be compiled.
type slowAction struct {
	reactors.Action
	checks chan struct{} // gets one for each
	closed chan struct{}
}

func (a *slowAction) Check(any) []reactors.ParamError {
	a.checks <- struct{}{}
	<-a.closed
	return []reactors.ParamError{{Message: "closed"}}
}

func (a *slowAction) Close() { close(a.closed) }

// What takes long to be read doesn't keep the worker from taking up rules that
// are written after it, nor from stopping: closing the actions ends it.
func TestSlowRulesHoldUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowAction{reactorstest.NewFake("slow"), make(chan struct{}, 10), make(chan struct{})}
		core, logs := observer.New(zap.InfoLevel)
		w := &Worker{log: zap.New(core)}
		w.cfg.Reactors.File = filepath.Join(t.TempDir(), "reactors.yaml")
		w.rules.actions, w.rules.metrics = []reactors.Action{slow, reactorstest.NewFake("quick")}, newRuleMetrics()
		write := func(id, action string) {
			t.Helper()
			text := fmt.Sprintf("reactors: [{id: %s, on: message.created, do: [{%s: {to: spaces/A, text: hello}}]}]", id, action)
			if err := os.WriteFile(w.cfg.Reactors.File, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		within := func(what string, c <-chan struct{}) {
			t.Helper()
			select {
			case <-c:
			case <-time.After(time.Minute):
				t.Fatalf("%s: not within a minute", what)
			}
		}
		write("first", "quick")
		set, err := w.loadRules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.rules.set = engine.NewRuleSet(set)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		stopped, closed := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			if err := w.watchRules(ctx); err != nil {
				t.Error(err)
			}
		}()
		write("second", "slow")
		within("the slow rules are read", slow.checks)
		write("third", "quick")
		taken := make(chan struct{})
		go func() {
			defer close(taken)
			for w.rules.set.Rule("third", "") == nil && ctx.Err() == nil {
				<-time.After(10 * time.Millisecond)
			}
		}()
		within("the next rules are in force", taken)
		write("fourth", "slow")
		within("the slow rules are read again", slow.checks)
		stop()
		within("the worker stops", stopped)
		go func() {
			defer close(closed)
			w.closeRules()
		}()
		within("the rules are closed", closed)
		if n := logs.FilterMessageSnippet("mistakes").Len(); n != 0 {
			t.Errorf("mistakes were logged: %v", logs.All())
		}
	})
}
