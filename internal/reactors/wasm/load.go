package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

// maxModule is how many bytes a module may have. Go's begin at 1.5 MB.
const maxModule = 16 << 20

// loaded is a module that can be run.
type loaded struct {
	compiled wazero.CompiledModule
	breaker  *breaker
}

// refusal keeps from compiling a module again that can't be used, each time that
// the rules are read. It may have been the machine that was too slow.
type refusal struct {
	err   error
	until time.Time
}

const refusedFor = 10 * time.Minute

// unfitError is a module that isn't made for us.
type unfitError struct{ message, suggestion string }

func (e *unfitError) Error() string { return e.message }

func unfit(suggestion, format string, args ...any) error {
	return &unfitError{fmt.Sprintf(format, args...), suggestion}
}

// load reads and compiles a module, if it isn't there yet, and returns its
// digest. Who wants one that is being compiled waits for that.
func (a *Action) load(module string) (string, error) {
	if !filepath.IsAbs(module) {
		module = filepath.Join(a.options.Dir, module)
	}
	binary, err := readfile.Regular(module, maxModule)
	if err != nil {
		return "", fmt.Errorf("read the module: %w", err)
	}
	sum := sha256.Sum256(binary)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	_, err, _ = a.flights.Do(digest, func() (any, error) { return nil, a.add(digest, binary) })
	return digest, err
}

// add compiles a module, unless it is there or was refused a short while ago.
func (a *Action) add(digest string, binary []byte) error {
	a.mu.RLock()
	_, there := a.modules[digest]
	refused := a.refused[digest]
	a.mu.RUnlock()
	switch {
	case there:
		return nil
	case time.Now().Before(refused.until):
		return refused.err
	}
	a.compiling.RLock() // Close waits
	defer a.compiling.RUnlock()
	compiled, err := a.compile(a.open, binary)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.modules[digest] = &loaded{compiled, newBreaker(digest)}
	case errors.As(err, new(*unfitError)):
		a.refused[digest] = refusal{err, time.Now().Add(refusedFor)}
	}
	return err
}

func (a *Action) module(digest string) (*loaded, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	m, there := a.modules[digest]
	return m, there
}

// compile compiles a module and says what it lacks.
func (a *Action) compile(ctx context.Context, binary []byte) (wazero.CompiledModule, error) {
	bounded, err := bound(binary)
	if err != nil {
		return nil, err
	}
	// With several workers wazero looks at the context between two functions.
	ctx, cancel := context.WithTimeout(experimental.WithCompilationWorkers(ctx, 2), a.options.CompileTimeout)
	defer cancel()
	compiled, err := a.runtime.CompileModule(ctx, bounded)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && err != nil:
		return nil, unfit("make it smaller, or its functions", "the module can't be compiled within %s", a.options.CompileTimeout)
	case ctx.Err() != nil && err != nil:
		return nil, fmt.Errorf("compile the module: %w", ctx.Err())
	case err != nil:
		if strings.Contains(err.Error(), "over limit") {
			return nil, unfit("build it with a smaller initial memory", "the module asks for more memory than %d pages", a.options.MemoryPages)
		}
		return nil, unfit("build it for wasm again", "the module can't be compiled: %s", firstLine(err))
	}
	if err := fits(compiled); err != nil {
		return nil, errors.Join(err, compiled.Close(ctx))
	}
	return compiled, nil
}

// fits says what a module lacks of our interface.
func fits(m wazero.CompiledModule) error {
	for _, f := range m.ImportedFunctions() {
		if from, name, _ := f.Import(); from != wasi_snapshot_preview1.ModuleName {
			return unfit("modules get nothing but "+wasi_snapshot_preview1.ModuleName,
				"the module imports %s.%s, which exec doesn't offer", from, name)
		}
	}
	if len(m.ImportedMemories()) > 0 {
		return unfit("let the module define its memory itself", "the module imports its memory, which exec doesn't offer")
	}
	if m.ExportedMemories()["memory"] == nil {
		return unfit("export its memory as memory", "the module exports no memory")
	}
	for _, want := range []struct {
		name            string
		params, results []api.ValueType
		signature       string
	}{
		{"alloc", []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}, "alloc(size i32) i32"},
		{"react", []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}, "react(ptr i32, len i32) i64"},
	} {
		f := m.ExportedFunctions()[want.name]
		switch {
		case f == nil:
			return unfit("a module exports memory, alloc and react", "the module exports no function %s", want.name)
		case !slices.Equal(f.ParamTypes(), want.params) || !slices.Equal(f.ResultTypes(), want.results):
			return unfit("make it "+want.signature, "the module's function %s has another signature than %s", want.name, want.signature)
		}
	}
	return nil
}

// firstLine is an error without the stack that wazero appends.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
