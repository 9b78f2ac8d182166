package wasm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func overwrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestModulesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	good := answers(`{"do":[]}`)
	with := func(change func(*module)) []byte {
		m := good
		change(&m)
		return m.assemble()
	}
	for name, test := range map[string]struct {
		binary []byte
		want   string
	}{
		"good":           {good.assemble(), ""},
		"empty":          {nil, "isn't WebAssembly"},
		"text":           {[]byte("(module)"), "isn't WebAssembly"},
		"cut":            {good.assemble()[:60], "isn't WebAssembly"},
		"component":      {[]byte("\x00asm\x0d\x00\x01\x00"), "can't be compiled"},
		"ill typed":      {with(func(m *module) { m.react = nil }), "can't be compiled"},
		"no memory":      {with(func(m *module) { m.noMemory = true }), "exports no memory"},
		"no react":       {with(func(m *module) { m.noReact = true }), "exports no function react"},
		"wrong react":    {with(func(m *module) { m.reactType, m.react = 2, nil }), "another signature than react(ptr i32, len i32) i64"},
		"import":         {with(func(m *module) { m.imports = "env.open" }), "imports env.open"},
		"much memory":    {with(func(m *module) { m.minPages = 257 }), "more memory than 256 pages"},
		"just memory":    {with(func(m *module) { m.minPages = 256 }), ""},
		"huge table":     {with(func(m *module) { m.tables = vector(join([]byte{0x70, 0}, unsigned(maxTable+1))) }), "a table of 65537 entries"},
		"just table":     {with(func(m *module) { m.tables = vector(join([]byte{0x70, 0}, unsigned(maxTable))) }), ""},
		"many tables":    {with(func(m *module) { m.tables = unsigned(5) }), "5 tables"},
		"odd table":      {with(func(m *module) { m.tables = vector([]byte{0x40, 0, 0x70, 0, 1}) }), "a kind that exec doesn't know"},
		"cut table":      {with(func(m *module) { m.tables = []byte{1, 0x70} }), "isn't WebAssembly"},
		"trailing table": {with(func(m *module) { m.tables = []byte{1, 0x70, 0, 1, 1} }), "isn't WebAssembly"},
	} {
		path := filepath.Join(t.TempDir(), "module.wasm")
		overwrite(t, path, test.binary)
		mistakes := a.Check(&Params{Module: path})
		switch {
		case test.want == "" && len(mistakes) > 0:
			t.Errorf("%s: Check = %+v, want no problem", name, mistakes)
		case test.want != "" && (len(mistakes) != 1 || mistakes[0].Field != "module" || mistakes[0].Suggestion == "" || !strings.Contains(mistakes[0].Message, test.want)):
			t.Errorf("%s: Check = %+v, want %q and a suggestion", name, mistakes, test.want)
		}
	}
}

func TestModuleFiles(t *testing.T) {
	t.Parallel()
	path := answers(`{"do":[]}`).file(t)
	a := newAction(t, Options{Dir: filepath.Dir(path)})
	for module, want := range map[string]int{path: 0, "module.wasm": 0, "": 1, "other.wasm": 1, ".": 1} {
		if got := a.Check(&Params{Module: module}); len(got) != want {
			t.Errorf("Check(%q) = %+v, want %d mistakes", module, got, want)
		}
	}
	if got := len(a.modules); got != 1 {
		t.Errorf("%d modules were compiled, want 1", got)
	}
}

// What may pass leaves the rule in place: its runs fail and say why, those of
// others don't, and it is good as soon as the module can be compiled.
func TestModulesThatCannotBeCompiledForNow(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	good := checked(t, a, answers(`{"do":[]}`).file(t))
	path := answers(`{"do":[],"note":"later"}`).file(t)
	a.options.CompileTimeout = time.Nanosecond
	late := &Params{Module: path}
	mistakes := a.Check(late)
	if len(mistakes) != 1 || !mistakes[0].Unready || !strings.Contains(mistakes[0].Message, "can't be compiled within 1ns") || late.Digest == "" {
		t.Fatalf("Check = %+v and the digest %q, want that it can't be compiled in time, for now", mistakes, late.Digest)
	}
	if _, err := a.Prepare(late, prepareContext()); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), mistakes[0].Message) {
		t.Errorf("Prepare: error %v, want a permanent one with what Check said", err)
	}
	if _, err := a.Prepare(good, prepareContext()); err != nil {
		t.Errorf("another module: %v", err)
	}
	a.options.CompileTimeout = 5 * time.Minute
	if again := a.Check(&Params{Module: path}); len(again) != 1 {
		t.Errorf("Check = %+v, want the refusal that is remembered", again)
	}
	a.refused[late.Digest] = refusal{a.refused[late.Digest].err, time.Now()}
	if again := a.Check(&Params{Module: path}); len(again) > 0 {
		t.Errorf("Check once that is forgotten = %+v, want no problem", again)
	}
	if _, err := a.Prepare(late, prepareContext()); err != nil {
		t.Errorf("Prepare by the parameters from before: %v", err)
	}
}

// A helper that fails says nothing of the module.
func TestHelpersThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		input, want string
	}{
		"no module": {"", "the helper got no module"},
		"too large": {"1 256 99999999\n", "the helper got no module"},
		"a part":    {"1 256 100\n\x00asm", "the helper got a part of the module"},
	} {
		var said strings.Builder
		args := []string{"subscriber", helperFlag + t.TempDir()}
		if code, helped := Help(args, strings.NewReader(test.input), &said); !helped || code != helperFailed || said.String() != test.want {
			t.Errorf("%s: it ended with %d and %q, want %d and %q", name, code, said.String(), helperFailed, test.want)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	overwrite(t, file, nil)
	if err := newAction(t, Options{}).options.getHelp(t.Context(), file, answers("{}").assemble()); err == nil || errors.As(err, new(*refusedError)) {
		t.Errorf("without a directory: got %v, want a failure that isn't the module's", err)
	}
}

// FuzzBoundTables: what is rewritten is the same when rewritten again, and
// nothing panics.
func FuzzBoundTables(f *testing.F) {
	m := answers(`{"do":[]}`)
	m.tables = vector([]byte{0x70, 0, 1}, []byte{0x6f, 1, 1, 2})
	f.Add(m.assemble())
	f.Add(m.assemble()[:40])
	f.Fuzz(func(t *testing.T, binary []byte) {
		once, err := bound(binary)
		if err != nil {
			return
		}
		twice, err := bound(once)
		if err != nil || string(twice) != string(once) {
			t.Errorf("rewriting it again gives %d bytes (%v), want the same %d", len(twice), err, len(once))
		}
	})
}
