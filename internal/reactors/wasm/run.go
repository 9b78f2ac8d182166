package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/sony/gobreaker/v2"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// MaxOutput is how many bytes a module may answer with.
const MaxOutput = 64 << 10

// run calls a module in a fresh instance, unless it is left out.
func (a *Action) run(ctx context.Context, digest string, input []byte) ([]byte, error) {
	m, err := a.module(digest)
	if err != nil {
		return nil, err
	}
	if m.breaker.State() == gobreaker.StateOpen {
		return nil, a.leftOut() // at once: it doesn't wait for others
	}
	a.running <- struct{}{} // another module's time is limited, too
	defer func() { <-a.running }()
	// It may have been left out while this run waited.
	output, err := m.breaker.Execute(func() ([]byte, error) { return a.timed(ctx, m, input) })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, a.leftOut()
	}
	return output, err
}

// timed calls a module within the time limit.
func (a *Action) timed(ctx context.Context, of *loaded, input []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.options.Timeout)
	defer cancel()
	output, err := of.call(ctx, input)
	var exit *sys.ExitError
	switch {
	case err == nil:
		return output, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &overrunError{a.options.Timeout}
	case errors.As(err, &exit):
		return nil, fmt.Errorf("it exited with code %d", exit.ExitCode())
	}
	return nil, errors.New(firstLine(err))
}

// call hands the input over and takes the answer. The module may be anything:
// no address or length of its is believed.
func (l *loaded) call(ctx context.Context, input []byte) ([]byte, error) {
	// No name, so that instances don't get into each other's way; and nothing
	// else, so that there is nothing to see or to reach.
	m, err := l.runtime.InstantiateModule(ctx, l.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	defer func() { _ = m.Close(context.WithoutCancel(ctx)) }() // it holds nothing that closing could fail at
	place, err := call(ctx, m, "alloc", uint64(len(input)))
	if err != nil {
		return nil, err
	}
	if !m.Memory().Write(uint32(place), input) {
		return nil, fmt.Errorf("alloc returned a place outside of its memory for %d bytes", len(input))
	}
	answer, err := call(ctx, m, "react", uint64(uint32(place)), uint64(len(input)))
	if err != nil {
		return nil, err
	}
	at, size := uint32(answer>>32), uint32(answer)
	if size > MaxOutput {
		return nil, fmt.Errorf("it answered with %d bytes, more than %d", size, MaxOutput)
	}
	output, ok := m.Memory().Read(at, size)
	if !ok {
		return nil, errors.New("react returned a place outside of its memory")
	}
	return append([]byte(nil), output...), nil // the memory ends with the instance
}

func call(ctx context.Context, m api.Module, name string, args ...uint64) (uint64, error) {
	results, err := m.ExportedFunction(name).Call(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return results[0], nil
}
