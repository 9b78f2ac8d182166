package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

// maxModule is how many bytes a module may have. Go's begin at 1.5 MB.
const maxModule = 16 << 20

// loaded is a module that can be run.
type loaded struct {
	runtime  wazero.Runtime          // for it alone
	cache    wazero.CompilationCache // which holds its code
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
type unfitError struct {
	message, suggestion string
	unready             bool // it may be, but can't be compiled here and now
}

func (e *unfitError) Error() string { return e.message }

func unfit(suggestion, format string, args ...any) error {
	return &unfitError{message: fmt.Sprintf(format, args...), suggestion: suggestion}
}

func unready(suggestion, format string, args ...any) error {
	return &unfitError{fmt.Sprintf(format, args...), suggestion, true}
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
	a.closing.RLock() // Close waits
	defer a.closing.RUnlock()
	m, err := a.compile(a.open, binary)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		m.breaker = newBreaker(digest)
		a.modules[digest] = m
		delete(a.refused, digest)
	case errors.As(err, new(*unfitError)):
		a.refused[digest] = refusal{err, time.Now().Add(refusedFor)}
	}
	return err
}

// module returns a module, or why it can't be run.
func (a *Action) module(digest string) (*loaded, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if m, there := a.modules[digest]; there {
		return m, nil
	}
	if refused, there := a.refused[digest]; there {
		return nil, fmt.Errorf("%w; once that is mended, subscriber reactors retry --failed tries such runs again", refused.err)
	}
	return nil, errors.New("it was not loaded with the rule")
}

// compile compiles a module and says what it lacks.
func (a *Action) compile(ctx context.Context, binary []byte) (*loaded, error) {
	bounded, err := bound(binary)
	if err != nil {
		return nil, err
	}
	select {
	case a.compiling <- struct{}{}:
		defer func() { <-a.compiling }()
	case <-ctx.Done():
		return nil, fmt.Errorf("compile the module: %w", ctx.Err())
	}
	within, cancel := context.WithTimeout(ctx, a.options.CompileTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "spacekeeper-module-")
	if err != nil {
		return nil, unready("set TMPDIR to a directory that can be written to", "there is no place to compile the module: %s", err)
	}
	defer os.RemoveAll(dir)
	var refused *refusedError
	switch err := a.options.getHelp(within, dir, bounded); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("compile the module: %w", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return nil, unready("make it smaller, or its functions", "the module can't be compiled within %s", a.options.CompileTimeout)
	case errors.As(err, &refused):
		if strings.Contains(refused.why, "over limit") {
			return nil, unfit("build it with a smaller initial memory", "the module asks for more memory than %d pages", a.options.MemoryPages)
		}
		return nil, unfit("build it for wasm again", "the module can't be compiled: %s", refused.why)
	case err != nil:
		return nil, unready("make it smaller, or its functions", "the module can't be compiled: %s", err)
	}
	return a.take(ctx, dir, bounded)
}

// take loads a module that was compiled into a directory.
func (a *Action) take(ctx context.Context, dir string, binary []byte) (_ *loaded, err error) {
	ctx = context.WithoutCancel(ctx)
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find the module's code: %w", err)
	}
	m := &loaded{runtime: newRuntime(ctx, cache, a.options.MemoryPages), cache: cache}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close(ctx))
		}
	}()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, m.runtime); err != nil {
		return nil, fmt.Errorf("prepare to run the module: %w", err)
	}
	if m.compiled, err = m.runtime.CompileModule(ctx, binary); err != nil {
		return nil, fmt.Errorf("load the module: %w", err)
	}
	return m, fits(m.compiled)
}

func (l *loaded) close(ctx context.Context) error {
	return errors.Join(l.runtime.Close(ctx), l.cache.Close(ctx))
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
