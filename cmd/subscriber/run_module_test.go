package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// slowModule is a WASM module of 7 MB, in functions that are as large as is
// allowed: to compile it all would take minutes.
func slowModule() []byte {
	counted := func(content []byte) []byte {
		return append(binary.AppendUvarint(nil, uint64(len(content))), content...)
	}
	const functions = 110
	block := []byte{0x41, 0, 0x04, 0x40, 0x41, 1, 0x1a, 0x05, 0x41, 2, 0x1a, 0x0b} // if 0 {1} else {2}
	body := counted(append(append([]byte{0}, bytes.Repeat(block, 5_400)...), 0x0b))
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, section := range []struct {
		id      byte
		content []byte
	}{
		{1, []byte{1, 0x60, 0, 0}}, // one type: func()
		{3, append([]byte{functions}, make([]byte, functions)...)},
		{10, append([]byte{functions}, bytes.Repeat(body, functions)...)},
	} {
		module = append(append(module, section.id), counted(section.content)...)
	}
	return module
}

// compiling reports whether this process compiles a module.
func compiling() bool {
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Contains(stacks, []byte("wasm.(*Action).compile("))
}

// TestSlowModules has one after the other: each looks at what this process does.
func TestSlowModules(t *testing.T) {
	t.Parallel()
	t.Run("hold up nothing", slowModuleHoldsUpNothing)
	t.Run("at the start", startWithASlowModule)
}

// A module that takes long to compile keeps the worker neither from taking up the
// rules that are mended meanwhile nor from stopping.
func slowModuleHoldsUpNothing(t *testing.T) {
	w := newWorkspace(t, migratedDatabase(t))
	p := start(t, w.env, "run")
	eventually(t, p, "it runs", func() bool { return logged(t, p, "worker started", "severity") == "INFO" })
	file := w.env["SPACEKEEPER_REACTORS_FILE"]
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slow := []byte(`reactors: [{id: slow, on: member.joined, do: [{exec: {module: slow.wasm}}]}]`)
	write(filepath.Join(filepath.Dir(file), "slow.wasm"), slowModule())
	write(file, slow)
	eventually(t, p, "the module is being compiled", compiling)
	write(file, []byte(`reactors: [{id: mended, on: member.left, do: [{record: {name: gone}}]}]`))
	eventually(t, p, "the mended rules are in force", func() bool { return logged(t, p, "new rules in force", "hash") != "" })
	if !compiling() {
		t.Error("the module isn't being compiled any more: this machine is too fast, or the rules waited")
	}
	write(file, slow)
	eventually(t, p, "the worker waits for the module again", func() bool {
		stacks := make([]byte, 8<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "worker.(*Worker).loadRules(")
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	if compiling() {
		t.Error("the module is being compiled still")
	}
	if logged(t, p, "new rules have mistakes; the previous rules stay in force", "severity") != "" {
		t.Error("the worker waited until the module was given up")
	}
}

// A module that can't be compiled in time is a problem of its rule only, at the
// start, too: events are recorded, other rules act, and its runs say why they failed.
func startWithASlowModule(t *testing.T) {
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	file := w.env["SPACEKEEPER_REACTORS_FILE"]
	rules := `reactors:
  - {id: slow, mode: live, on: message.created, do: [{exec: {module: slow.wasm}}]}
  - {id: quick, mode: live, on: message.created, do: [{record: {name: seen}}]}
`
	for path, content := range map[string][]byte{file: []byte(rules), filepath.Join(filepath.Dir(file), "slow.wasm"): slowModule()} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stopped := start(t, w.env, "run")
	eventually(t, stopped, "the module is being compiled", compiling)
	if code := stopped.stop(); code != cli.OK || compiling() || logged(t, stopped, "worker started", "severity") != "" {
		t.Errorf("got exit code %d from a worker that was stopped before it began, want that nothing goes on", code)
	}
	p := start(t, w.env, "run")
	eventually(t, p, "it runs", func() bool { return logged(t, p, "worker started", "severity") == "INFO" })
	w.post(t, "Good morning")
	eventually(t, p, "both rules have run", func() bool {
		return query[int](t, dsn, `SELECT count(*) FROM reactor_runs WHERE finished_at IS NOT NULL`) == 2
	})
	const runs = `SELECT string_agg(reactor || ' ' || outcome, ', ' ORDER BY reactor) FROM reactor_runs`
	if got, want := query[string](t, dsn, runs), "quick sent, slow failed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if why := query[string](t, dsn, `SELECT reason FROM reactor_runs WHERE reactor = 'slow'`); !strings.Contains(why, "can't be compiled within 30s") {
		t.Errorf("the run failed because %q, want to be told of the module", why)
	}
	if problem := logged(t, p, "a rule can't do anything; its runs fail until it can", "problem"); !strings.Contains(problem, `runs of "slow" fail`) {
		t.Errorf("logged %q, want what is wrong with the rule", problem)
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}
