package wasm

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// module is WebAssembly to be assembled. The zero value of what isn't set is
// what a good module has.
type module struct {
	minPages  uint64 // 0: 1
	noMemory  bool
	imports   string // "module.function", of type () → ()
	start     []byte // the start section's function
	init      []byte // _initialize
	alloc     []byte // nil: returns 1024
	react     []byte
	reactType byte     // index of its type: 1
	noReact   bool     // it isn't exported
	tables    []byte   // content of the table section
	data      string   // at dataAt
	more      [][]byte // functions that nobody calls
}

const dataAt = 32 << 10

// Instructions.
const (
	opUnreachable = 0x00
	opLoop        = 0x03
	opEnd         = 0x0b
	opBr          = 0x0c
	opCall        = 0x10
	opDrop        = 0x1a
	opStore       = 0x36 // i32.store
	opMemoryGrow  = 0x40
	opI32         = 0x41 // i32.const
	opI64         = 0x42 // i64.const
	opExtendU     = 0xad // i64.extend_i32_u
	opRefNull     = 0xd0
	opMore        = 0xfc // prefix
	moreTableGrow = 0x0f
	void          = 0x40 // type of a block
)

// forever repeats a body.
func forever(body ...byte) []byte {
	code := append([]byte{opLoop, void}, body...)
	return append(code, opBr, 0, opEnd, opUnreachable)
}

// i32 and i64 push constants.
func i32(v int32) []byte { return append([]byte{opI32}, signed(int64(v))...) }
func i64(v int64) []byte { return append([]byte{opI64}, signed(v)...) }

// signed is signed LEB128.
func signed(v int64) []byte {
	var out []byte
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func unsigned(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// counted is content after its length.
func counted(content []byte) []byte {
	return append(unsigned(uint64(len(content))), content...)
}

// vector is entries after their number.
func vector(entries ...[]byte) []byte {
	out := unsigned(uint64(len(entries)))
	for _, e := range entries {
		out = append(out, e...)
	}
	return out
}

func name(s string) []byte { return counted([]byte(s)) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// answers is a module that answers so, whatever it is asked.
func answers(output string) module {
	return module{data: output, react: i64(dataAt<<32 | int64(len(output)))}
}

// does answers with a list of actions.
func does(t *testing.T, actions ...any) module {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"do": append([]any{}, actions...)})
	if err != nil {
		t.Fatal(err)
	}
	return answers(string(raw))
}

// assemble makes the binary. Functions: an import if there is one, then alloc,
// react, _initialize and the start function.
func (m module) assemble() []byte {
	const typeI32, typeI64 = 0x7f, 0x7e
	types := vector(
		[]byte{0x60, 1, typeI32, 1, typeI32},          // 0: alloc
		[]byte{0x60, 2, typeI32, typeI32, 1, typeI64}, // 1: react
		[]byte{0x60, 0, 0},                            // 2: the others
	)
	if m.reactType == 0 {
		m.reactType = 1
	}
	if m.alloc == nil {
		m.alloc = []byte{opI32, 0x80, 8}
	}
	first := uint64(0)
	if m.imports != "" {
		first = 1
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content []byte) { out = join(out, []byte{id}, counted(content)) }
	section(1, types)
	if m.imports != "" {
		from, function := filepath.Ext(m.imports), m.imports
		from, function = function[:len(function)-len(from)], from[1:]
		section(2, vector(join(name(from), name(function), []byte{0, 2})))
	}
	functions := [][]byte{{0}, {m.reactType}, {2}, {2}}
	for range m.more {
		functions = append(functions, []byte{2})
	}
	section(3, vector(functions...))
	if m.tables != nil {
		section(4, m.tables)
	}
	section(5, vector(join([]byte{0}, unsigned(max(m.minPages, 1)))))
	exports := [][]byte{
		join(name("alloc"), []byte{0}, unsigned(first)),
		join(name("_initialize"), []byte{0}, unsigned(first+2)),
	}
	if !m.noReact {
		exports = append(exports, join(name("react"), []byte{0}, unsigned(first+1)))
	}
	if !m.noMemory {
		exports = append(exports, join(name("memory"), []byte{2, 0}))
	}
	section(7, vector(exports...))
	if m.start != nil {
		section(8, unsigned(first+3))
	}
	body := func(code []byte) []byte { return counted(join([]byte{0}, code, []byte{opEnd})) }
	bodies := [][]byte{body(m.alloc), body(m.react), body(m.init), body(m.start)}
	for _, code := range m.more {
		bodies = append(bodies, body(code))
	}
	section(10, vector(bodies...))
	section(11, vector(join([]byte{0}, i32(dataAt), []byte{opEnd}, name(m.data))))
	return out
}

// file writes the module to a file.
func (m module) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(path, m.assemble(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
