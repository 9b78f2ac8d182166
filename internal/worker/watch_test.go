package worker

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// A running worker takes up what its file of rules says, counts what it refuses,
// and warns once of rules that wait in vain.
func TestWatchRules(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "reactors.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`reactors: [{id: first, on: member.joined, do: [{record: {name: a}}]}]`)
	cfg := config.Default()
	cfg.Reactors.File = path
	cfg.Workspace.Targets = []config.Target{{Target: "spaces/A", EventTypes: []string{"google.workspace.chat.membership.v1.created"}}}
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		w := &Worker{cfg: cfg, log: zap.New(core)}
		if err := w.openRules(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer w.closeRules()
		metrics := prometheus.NewRegistry()
		metrics.MustRegister(w.rules.metrics.rejected)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.watchRules(ctx) }()
		settle := func() {
			<-time.After(time.Minute) // the file is read again several times
			synctest.Wait()
		}
		// want holds what is in force, refused and warned of against what should be.
		want := func(id string, refused float64, warnings int) {
			t.Helper()
			settle()
			if w.rules.set.Rule(id, "") == nil {
				t.Errorf("rule %s isn't in force", id)
			}
			counted, err := metrics.Gather()
			if err != nil {
				t.Fatal(err)
			}
			// The file is read again as long as it is wrong, and counted each time.
			if got := counted[0].GetMetric()[0].GetCounter().GetValue(); (got > 0) != (refused > 0) || got < refused {
				t.Errorf("with rule %s in force, %v changes are refused, want %v", id, got, refused)
			}
			if n := logs.FilterLevelExact(zap.WarnLevel).FilterField(zap.String("reactor", "vain")).Len(); n != warnings {
				t.Errorf("with rule %s in force, %d warnings of one that waits in vain, want %d", id, n, warnings)
			}
		}
		want("first", 0, 0)
		write(`reactors: [{id: vain, on: message.created, do: [{record: {name: a}}]}]`)
		want("vain", 0, 1)
		write(`reactors: [{id: broken, on: member.joined, dew: []}]`)
		want("vain", 1, 1)
		write(`reactors: [{id: last, on: member.joined, do: [{record: {name: b}}]}]`)
		want("last", 1, 1)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("after the stop: %v", err)
		}
	})
}

// Without a file there is nothing to watch.
func TestWatchNoRules(t *testing.T) {
	t.Parallel()
	w := &Worker{cfg: config.Default(), log: zap.NewNop()}
	if err := w.openRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer w.closeRules()
	if err := w.watchRules(t.Context()); err != nil {
		t.Error(err)
	}
}
