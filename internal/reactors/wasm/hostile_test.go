package wasm

import (
	"bytes"
	"context"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// branches is code that takes a compiler long: so many small blocks, of 12 bytes
// each. A function that is as large as is allowed takes seconds.
func branches(n int) []byte {
	const opIf, opElse, empty = 0x04, 0x05, 0x40
	return bytes.Repeat(join(i32(0), []byte{opIf, empty}, i32(1), []byte{opDrop, opElse}, i32(2), []byte{opDrop, opEnd}), n)
}

// slow takes much longer to compile than any test: as much code as is allowed,
// in functions that are as large as is allowed.
func slow() module {
	list := make([][]byte, maxCode/maxFunction-1)
	for i := range list {
		list[i] = branches((maxFunction - 100) / 12)
	}
	return module{react: i64(0), more: list}
}

// TestCompilingIsBounded has modules that are small and take a compiler minutes
// and gigabytes.
func TestCompilingIsBounded(t *testing.T) { // not parallel: it measures memory
	for name, test := range map[string]struct {
		module  module
		options Options
		want    string
		most    uint64 // bytes in use at once, in this process
	}{
		"one function":        {module{react: join(branches(40_000), i64(0))}, Options{}, "a function of 480004 bytes, more than 65536", 8 << 20},
		"all that is allowed": {slow(), Options{CompileTimeout: time.Second}, "can't be compiled within 1s", 64 << 20},
		"a lot of memory":     {slow(), Options{CompileMemory: 16 << 20}, "can't be compiled: compiling takes too much memory", 64 << 20},
	} {
		a := newAction(t, test.options)
		file := test.module.file(t)
		var mistakes []reactors.ParamError
		used := mostInUse(func() { mistakes = a.Check(&Params{Module: file}) })
		t.Logf("%s: %d MiB in use", name, used>>20)
		if used > test.most {
			t.Errorf("%s: %d bytes were in use at once, want %d at most", name, used, test.most)
		}
		if again := a.Check(&Params{Module: file}); !reflect.DeepEqual(again, mistakes) {
			t.Errorf("%s: got %+v at once again, want %+v", name, again, mistakes)
		}
		if len(mistakes) != 1 || mistakes[0].Field != "module" || !strings.Contains(mistakes[0].Message, test.want) || mistakes[0].Suggestion == "" {
			t.Errorf("%s: got %+v, want %q", name, mistakes, test.want)
		}
	}
}

// mostInUse is how many bytes of the heap were in use at once while do ran, more
// than before.
func mostInUse(do func()) uint64 {
	runtime.GC()
	before := inUse()
	most := before
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			most = max(most, inUse())
		case <-done:
			return max(most, inUse()) - before
		}
	}
}

// TestCloseStopsCompiling closes the action while it compiles, and before.
func TestCloseStopsCompiling(t *testing.T) {
	t.Parallel()
	a := New(Options{CompileTimeout: time.Hour})
	file := slow().file(t)
	checked := make(chan []reactors.ParamError, 2)
	for range 2 { // which wait for one compilation
		go func() { checked <- a.Check(&Params{Module: file}) }()
	}
	for len(a.compiling) == 0 { // until it compiles
		<-time.After(time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- a.Close(context.WithoutCancel(t.Context())) }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Minute): // all would take hours
		t.Fatal("Close waits for a whole compilation")
	}
	if len(a.compiling) > 0 {
		t.Error("it is being compiled still")
	}
	for range 2 {
		if mistakes := <-checked; len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, "canceled") {
			t.Errorf("got %+v, want that compiling was given up", mistakes)
		}
	}
	if mistakes := a.Check(&Params{Module: module{react: i64(0)}.file(t)}); len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, "canceled") {
		t.Errorf("got %+v, want that nothing is compiled any more", mistakes)
	}
}

// TestHostileModules: row S6, and relatives. Each is stopped for what it does,
// those that would run for ever at the limit that the error names.
func TestHostileModules(t *testing.T) {
	growAndWrite := join( // grow by a page, then write to the first page
		i32(1), []byte{opMemoryGrow, 0, opDrop}, i32(0), i32(7), []byte{opStore, 2, 0},
	)
	growOrTrap := join( // 256 pages at most: grow by 257 is refused with -1, and a store there traps
		i32(257), []byte{opMemoryGrow, 0}, i32(7), []byte{opStore, 2, 0, opUnreachable},
	)
	for name, test := range map[string]struct {
		module module
		want   string
	}{
		"endless loop":             {module{react: forever()}, overran},
		"memory bomb":              {module{react: forever(growAndWrite...)}, overran},
		"memory bomb that notices": {module{react: growOrTrap}, "out of bounds memory access"},
		"output bomb":              {module{minPages: 200, react: i64(200 << 16)}, "it answered with 13107200 bytes, more than 65536"},
		"output bomb, just":        {module{minPages: 200, react: i64(MaxOutput + 1)}, "it answered with 65537 bytes"},

		"loop in alloc":          {module{alloc: forever(), react: i64(0)}, overran},
		"loop in _initialize":    {module{init: forever(), react: i64(0)}, overran},
		"loop in start":          {module{start: forever(), react: i64(0)}, overran},
		"table bomb":             {module{tables: vector([]byte{0x70, 0, 1}), react: forever(join([]byte{opRefNull, 0x70}, i32(1<<20), []byte{opMore, moreTableGrow, 0, opDrop})...)}, overran},
		"table beyond its limit": {module{tables: vector([]byte{0x70, 0, 1}), react: join([]byte{opRefNull, 0x70}, i32(maxTable), []byte{opMore, moreTableGrow, 0, opExtendU})}, "it answered with 4294967295 bytes"}, // -1
		"endless recursion":      {module{react: join(i32(0), i32(0), []byte{opCall, 1})}, ""},                                                                                                                        // what ends first
		"trap":                   {module{react: []byte{opUnreachable}}, "unreachable"},
		"alloc outside":          {module{alloc: i32(-8), react: i64(0)}, "alloc returned a place outside"},
		"alloc at the end":       {module{alloc: i32(1<<16 - 4), react: i64(0)}, "alloc returned a place outside"},
		"answer outside":         {module{react: i64(-1<<32 | 8)}, "react returned a place outside"},
		"answer across the edge": {module{react: i64((1<<16-4)<<32 | 8)}, "react returned a place outside"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{}
			if test.want == overran {
				o.Timeout = brief
			}
			a := newAction(t, o)
			p := checked(t, a, test.module.file(t))
			_, err := a.Prepare(p, prepareContext())
			if !reactors.IsPermanent(err) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Prepare: error %v, want a permanent %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

// memories is an allocator that knows how large memories become.
type memories struct{ largest atomic.Uint64 }

func (m *memories) Allocate(_, most uint64) experimental.LinearMemory {
	return &memory{of: m, bytes: make([]byte, 0, most)}
}

type memory struct {
	of    *memories
	bytes []byte
}

func (m *memory) Reallocate(size uint64) []byte {
	m.of.largest.Store(max(m.of.largest.Load(), size))
	return m.bytes[:size]
}

func (m *memory) Free() {}

// TestMemoryStaysUnderItsLimit: a bomb gets all that is allowed, and no more.
func TestMemoryStaysUnderItsLimit(t *testing.T) {
	t.Parallel()
	bomb := module{react: forever(join(i32(1), []byte{opMemoryGrow, 0, opDrop})...)}
	for pages, most := range map[uint32]uint64{0: 16 << 20, 2: 2 << 16} {
		a := newAction(t, Options{MemoryPages: pages, Timeout: time.Second})
		p := checked(t, a, bomb.file(t))
		var seen memories
		ctx := experimental.WithMemoryAllocator(context.Background(), &seen)
		if _, err := a.run(ctx, p.Digest, []byte("{}")); err == nil {
			t.Error("the bomb was not stopped")
		}
		if got := seen.largest.Load(); got != most {
			t.Errorf("the memory grew to %d bytes, want %d", got, most)
		}
	}
}

// TestInstancesAreFresh: what a module remembers is gone with the run.
func TestInstancesAreFresh(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	// Answers with as many bytes as it has pages, then takes one more.
	p := checked(t, a, module{react: join(
		i32(1), []byte{opMemoryGrow, 0, opExtendU},
	)}.file(t))
	for range 3 {
		out, err := a.run(context.Background(), p.Digest, []byte("{}"))
		if err != nil || len(out) != 1 {
			t.Errorf("run = %d bytes, %v, want 1 as the first time", len(out), err)
		}
	}
}
