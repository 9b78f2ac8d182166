package examples_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/examples"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/react"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
)

var update = flag.Bool("update", false, "write the files that are generated")

// actions is the list that the worker has, with nobody to talk to. Modules are
// looked for in dir.
func actions(t *testing.T, dir string) []reactors.Action {
	t.Helper()
	hook := webhook.New(webhook.Options{})
	t.Cleanup(hook.Close)
	sends, records := send.New(nil), record.New(nil)
	// A busy machine may need more than the times that a module has.
	modules := wasm.New(wasm.Options{Dir: dir, Timeout: 5 * time.Second, CompileTimeout: 5 * time.Minute}, sends, records)
	t.Cleanup(func() {
		if err := modules.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return []reactors.Action{
		sends, send.NewUpdate(nil), send.NewDelete(nil), react.New(nil, react.Options{UserAuth: true}), dm.New(nil),
		member.NewAdd(nil), member.NewRemove(nil), hook, records, modules,
	}
}

// names lists the examples.
func names(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d examples, error %v", len(paths), err)
	}
	return paths
}

// parse reads rules that have to be good.
func parse(t *testing.T, name, text string) *rules.Set {
	t.Helper()
	set, err := rules.Parse(name, []byte(text), rules.Options{Actions: actions(t, t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestExamples: an example is a file that can be used as it is. It sends
// nothing before somebody says so, and each of its rules passes a test.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := examples.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			set := parse(t, name, text)
			for _, r := range set.Rules() {
				if r.Mode != rules.Shadow || !strings.Contains(text, "mode: shadow # live,") {
					t.Errorf("%s is %s; an example says that it is in shadow mode, and when to go live", r.ID, r.Mode)
				}
				if !slices.ContainsFunc(set.Tests(), func(c rules.Test) bool { return c.Reactor == r.ID }) {
					t.Errorf("%s has no test", r.ID)
				}
			}
			passes(t, set)
		})
	}
}

// passes runs the tests that rules bring along.
func passes(t *testing.T, set *rules.Set) {
	t.Helper()
	results, err := replay.Cases(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if !r.Passed() {
			t.Errorf("line %d: %s: %s\nwhat happened:\n%s", r.Test.Line, r.Test.Name,
				strings.Join(r.Mismatches, "; "), strings.Join(r.Story(), "\n"))
		}
	}
}

func TestReadUnknown(t *testing.T) {
	t.Parallel()
	if _, err := examples.Read("none.yaml"); err == nil {
		t.Error("Read found none.yaml")
	}
}

// TestListed: docs/reactors.md lists the examples, each with what it does.
func TestListed(t *testing.T) {
	t.Parallel()
	var listed []string
	row := regexp.MustCompile("(?m)^\\| \\[`([a-z-]+\\.yaml)`\\]\\(\\.\\./internal/reactors/examples/([a-z-]+\\.yaml)\\) \\| .+ \\|$")
	for _, m := range row.FindAllStringSubmatch(document(t, "reactors.md"), -1) {
		if m[1] != m[2] {
			t.Errorf("the link of %s leads to %s", m[1], m[2])
		}
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	if diff := cmp.Diff(names(t), listed); diff != "" {
		t.Errorf("examples that docs/reactors.md lists (-want +got):\n%s", diff)
	}
}

// TestSchema keeps the schema for editors current.
func TestSchema(t *testing.T) {
	t.Parallel()
	const file = "reactors.schema.json"
	want := rules.JSONSchema(actions(t, t.TempDir()))
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s is not current; run with -update (-want +got):\n%s", file, cmp.Diff(string(want), string(got)))
	}
}

// document reads a file below docs.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
