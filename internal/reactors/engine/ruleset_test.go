package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// A file's good changes are taken up, its mistakes never, and what it refers
// to counts as well.
func TestRuleSetFollowsItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "reactors.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rule := func(id string) string {
		return fmt.Sprintf("reactors: [{id: %s, on: member.joined, do: [{say: {text: CARD}}]}]", id)
	}
	write(rule("first"))
	synctest.Test(t, func(t *testing.T) {
		var card atomic.Value
		card.Store("hello")
		load := func() (*rules.Set, error) {
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			return rules.Parse(path, []byte(strings.ReplaceAll(string(raw), "CARD", card.Load().(string))), rules.Options{Actions: []reactors.Action{&say{}}})
		}
		set, err := load()
		if err != nil {
			t.Fatal(err)
		}
		ruleSet := engine.NewRuleSet(set)
		core, logs := observer.New(zap.InfoLevel)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- ruleSet.Watch(ctx, path, func(context.Context) (*rules.Set, error) { return load() }, zap.New(core))
		}()
		pass := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		has := func(id string, d time.Duration) {
			t.Helper()
			pass(d)
			if ruleSet.Rule(id, "") == nil {
				t.Errorf("rule %s isn't in force: %s is", id, ruleSet.Set().Hash)
			}
		}
		synctest.Wait() // it has looked at the file
		write(rule("second"))
		has("second", 1100*time.Millisecond)
		write("reactors: [{id: broken, on: member.joined, dew: []}]")
		has("second", time.Minute)
		if n := logs.FilterLevelExact(zap.ErrorLevel).Len(); n != 1 {
			t.Errorf("the mistake is logged %d times in a minute, want once", n)
		}
		write(rule("second"))
		has("second", 2*time.Second)
		write("reactors: [{id: broken, on: member.joined, dew: []}]")
		has("second", 2*time.Second)
		if n := logs.FilterLevelExact(zap.ErrorLevel).Len(); n != 2 {
			t.Errorf("the mistake, mended and made again, is logged %d times, want twice", n)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
		has("second", time.Minute)
		write(rule("third"))
		has("third", 1100*time.Millisecond)
		taken := logs.FilterMessage("new rules in force").Len()
		write(rule("half"))
		pass(600 * time.Millisecond) // it has looked once
		write(rule("whole"))
		has("whole", 1100*time.Millisecond)
		if n := logs.FilterMessage("new rules in force").Len() - taken; n != 1 {
			t.Errorf("rules were taken up %d times while they were written, want once", n)
		}
		before := ruleSet.Set().Hash
		card.Store("changed")
		pass(16 * time.Second)
		if ruleSet.Set().Hash == before {
			t.Error("a change of what the rules refer to isn't taken up")
		}
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// What can't be read soon holds up neither the rules that are written meanwhile
// nor the end.
func TestRuleSetWaitsForNoLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "reactors.yaml")
	write := func(id string) {
		t.Helper()
		text := fmt.Sprintf("reactors: [{id: %s, on: member.joined, do: [{say: {text: hello}}]}]", id)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		slow := 0
		load := func(ctx context.Context) (*rules.Set, error) {
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			set, err := rules.Parse(path, raw, rules.Options{Actions: []reactors.Action{&say{}}})
			if err == nil && set.Rule("slow", "") != nil {
				slow++
				<-ctx.Done()
				return set, ctx.Err()
			}
			return set, err
		}
		write("first")
		set, err := load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ruleSet := engine.NewRuleSet(set)
		core, logs := observer.New(zap.InfoLevel)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- ruleSet.Watch(ctx, path, load, zap.New(core)) }()
		settle := func(id string) {
			t.Helper()
			write(id)
			<-time.After(time.Minute)
			synctest.Wait()
		}
		synctest.Wait() // it has looked at the file
		if settle("slow"); slow != 1 || ruleSet.Rule("first", "") == nil {
			t.Errorf("what takes long is read %d times, want once; %s is in force", slow, ruleSet.Set().Hash)
		}
		if settle("second"); ruleSet.Rule("second", "") == nil {
			t.Errorf("the mended rules aren't in force: %s is", ruleSet.Set().Hash)
		}
		settle("slow")
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := logs.FilterLevelExact(zap.ErrorLevel).Len(); n != 0 {
			t.Errorf("%d mistakes are logged, and there are none: %v", n, logs.All())
		}
	})
}
