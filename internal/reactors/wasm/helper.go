package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// One function can keep wazero for many seconds, and nothing interrupts it. So a
// process of its own compiles, which can be ended at any time: this binary once
// more. It puts the code into a directory that is there for this one module, and its
// maker loads it from there.

// helperFlag comes before the directory. A binary that doesn't call Help knows no
// such flag, and fails.
const helperFlag = "--compile-module-into="

// What a helper's exit code means. Any other is a failure of its own.
const (
	helperCompiled = 0
	helperRefused  = 10 // the module; it has written why
	helperFailed   = 11 // the same
	helperTooLarge = 12 // of its memory
)

// Help is what the main function of each binary that reads rules calls first: it
// compiles a module if the process was started for that, and returns what to exit
// with.
func Help(args []string, in io.Reader, out io.Writer) (code int, helped bool) {
	if len(args) != 2 || !strings.HasPrefix(args[1], helperFlag) {
		return 0, false
	}
	code, why := help(strings.TrimPrefix(args[1], helperFlag), in)
	fmt.Fprint(out, why)
	return code, true
}

// help compiles a module. It reads how many bytes of memory the helper may take,
// how many pages the module, how many bytes it has, and the module itself; when
// there is nothing to be read any more, who wants it is gone.
func help(dir string, in io.Reader) (code int, why string) {
	var (
		memory uint64
		pages  uint32
		size   int
	)
	if _, err := fmt.Fscanf(in, "%d %d %d\n", &memory, &pages, &size); err != nil || size > maxModule {
		return helperFailed, "the helper got no module"
	}
	module := make([]byte, size)
	if _, err := io.ReadFull(in, module); err != nil {
		return helperFailed, "the helper got a part of the module"
	}
	compiled, gone := make(chan error, 1), make(chan struct{})
	go func() { compiled <- compileInto(dir, pages, module) }()
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, in)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-compiled:
			switch {
			case err == nil:
				return helperCompiled, ""
			case errors.As(err, new(*fs.PathError)): // such as that the disk is full
				return helperFailed, err.Error()
			}
			return helperRefused, firstLine(err)
		case <-gone:
			os.RemoveAll(dir) // nobody else does
			return helperFailed, "nobody wants the module any more"
		case <-tick.C:
			if inUse() > memory {
				return helperTooLarge, ""
			}
		}
	}
}

func compileInto(dir string, pages uint32, module []byte) error {
	ctx := experimental.WithCompilationWorkers(context.Background(), 2)
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	_, err = newRuntime(ctx, cache, pages).CompileModule(ctx, module)
	return err
}

// inUse is how many bytes this process uses.
func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// newRuntime is how modules are compiled and run. What it has compiled is in the
// cache.
func newRuntime(ctx context.Context, cache wazero.CompilationCache, pages uint32) wazero.Runtime {
	return wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithMemoryLimitPages(pages).
		WithCloseOnContextDone(true).
		WithDebugInfoEnabled(false))
}

// refusedError is what a helper says of a module.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

var errTooLarge = errors.New("compiling takes too much memory")

// getHelp lets a helper compile a module into a directory, until ctx ends.
func (o Options) getHelp(ctx context.Context, dir string, module []byte) error {
	binary := "/proc/self/exe" // which stays the same when the file is replaced
	if runtime.GOOS != "linux" {
		var err error
		if binary, err = os.Executable(); err != nil {
			return fmt.Errorf("find this binary: %w", err)
		}
	}
	var said bytes.Buffer
	helper := exec.CommandContext(ctx, binary, helperFlag+dir)
	helper.Env = []string{} // it needs none, and no secrets
	helper.Stdout = &said
	in, err := helper.StdinPipe()
	if err != nil {
		return fmt.Errorf("prepare the helper: %w", err)
	}
	if err := helper.Start(); err != nil {
		return fmt.Errorf("start the helper: %w", err)
	}
	// It stays open until the helper ends, and closes if this process does. What
	// isn't taken shows in how the helper ends.
	if _, err := fmt.Fprintf(in, "%d %d %d\n", o.CompileMemory, o.MemoryPages, len(module)); err == nil {
		_, _ = in.Write(module)
	}
	var exit *exec.ExitError
	switch err = helper.Wait(); {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &exit):
		return fmt.Errorf("wait for the helper: %w", err)
	case exit.ExitCode() == helperRefused:
		return &refusedError{strings.TrimSpace(said.String())}
	case exit.ExitCode() == helperTooLarge:
		return errTooLarge
	case exit.ExitCode() == helperFailed:
		return errors.New(strings.TrimSpace(said.String()))
	}
	return fmt.Errorf("the helper failed: %w", err)
}
