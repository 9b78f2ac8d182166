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

// A module that takes long to compile keeps the worker neither from taking up the
// rules that are mended meanwhile nor from stopping.
func TestSlowModuleHoldsUpNothing(t *testing.T) {
	t.Parallel()
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
