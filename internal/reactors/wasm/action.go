package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Params are the action's parameters.
type Params struct {
	Module string            `yaml:"module" required:"true" pattern:"." doc:"The WebAssembly module's file; a relative name is looked for beside the rules."`
	Config map[string]string `yaml:"config" doc:"Handed to the module as it is."`

	// Digest is the module's, filled in by Check.
	Digest string `yaml:"-"`
}

// Options are limits. The zero value is good.
type Options struct {
	// Dir is where relative names of modules are looked for. "": the working
	// directory.
	Dir string
	// MemoryPages is how much memory a module may have, in pages of 64 KiB.
	// 0: 256, which are 16 MiB.
	MemoryPages uint32
	// Timeout is how long a module may take. 0: 100 ms.
	Timeout time.Duration
	// CompileTimeout is how long it may take to compile a module. 0: 30 s.
	CompileTimeout time.Duration
	// CompileMemory is how many bytes it may take. 0: 1 GiB; as much code as is
	// allowed takes some 400 MiB.
	CompileMemory uint64
}

// Action runs modules.
type Action struct {
	reactors.Described[Params]
	options   Options
	delegates map[string]reactors.Action
	running   chan struct{} // holds a token for each module that runs
	compiling chan struct{} // and one for that which is being compiled

	open    context.Context // ends when Close is called, and compiling with it
	close   context.CancelFunc
	closing sync.RWMutex // held for reading while a module is compiled, or waits for it
	flights singleflight.Group

	mu      sync.RWMutex
	modules map[string]*loaded // by digest
	refused map[string]refusal // of those that can't be used, by digest
}

// New returns the action. What modules may ask for are the delegates.
func New(o Options, delegates ...reactors.Action) *Action {
	if o.MemoryPages == 0 {
		o.MemoryPages = 256
	}
	if o.Timeout == 0 {
		o.Timeout = 100 * time.Millisecond
	}
	if o.CompileTimeout == 0 {
		o.CompileTimeout = 30 * time.Second
	}
	if o.CompileMemory == 0 {
		o.CompileMemory = 1 << 30
	}
	a := &Action{
		Described: reactors.Describe[Params]("exec", reactors.Composes),
		options:   o, delegates: map[string]reactors.Action{},
		running:   make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), // greedy ones leave room for other work
		compiling: make(chan struct{}, 1),
		modules:   map[string]*loaded{}, refused: map[string]refusal{},
	}
	for _, d := range delegates {
		a.delegates[d.Name()] = d
	}
	a.open, a.close = context.WithCancel(context.Background())
	return a
}

// Close ends compiling and releases all modules.
func (a *Action) Close(ctx context.Context) error {
	a.close()
	a.closing.Lock()
	defer a.closing.Unlock()
	var failed []error
	for _, m := range a.modules {
		failed = append(failed, m.close(ctx))
	}
	return errors.Join(failed...)
}

// Check implements [reactors.Action]: it loads the module.
func (a *Action) Check(params any) []reactors.ParamError {
	p := params.(*Params)
	if p.Module == "" {
		return []reactors.ParamError{{Field: "module", Message: "module is missing", Suggestion: "name a .wasm file"}}
	}
	var err error
	if p.Digest, err = a.load(p.Module); err != nil {
		mistake := reactors.ParamError{Field: "module", Message: err.Error()}
		var unfit *unfitError
		if errors.As(err, &unfit) {
			mistake.Suggestion, mistake.Unready = unfit.suggestion, unfit.unready
		}
		return []reactors.ParamError{mistake}
	}
	return nil
}

// request is what is stored: what the module asked for, prepared.
type request struct {
	Module string             `json:"module"` // its digest
	Note   string             `json:"note,omitempty"`
	Do     []reactors.Request `json:"do"`
}

// Prepare implements [reactors.Action]: it runs the module. What the module
// asked for takes the request's place in the run.
func (a *Action) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*Params)
	r, err := a.decide(context.Background(), p, c)
	if err != nil {
		return reactors.Prepared{}, reactors.Permanent(fmt.Errorf("run module %q: %w", p.Module, err))
	}
	prepared, err := c.Encode(r, "nothing: the module asks for nothing")
	prepared.Instead = r.Do
	return prepared, err
}

func (a *Action) decide(ctx context.Context, p *Params, c reactors.PrepareContext) (request, error) {
	digest := p.Digest
	if digest == "" {
		var err error
		if digest, err = a.load(p.Module); err != nil {
			return request{}, err
		}
	}
	in, err := json.Marshal(inputOf(p, c))
	if err != nil {
		return request{}, fmt.Errorf("encode the facts: %w", err)
	}
	out, err := a.run(ctx, digest, in)
	if err != nil {
		return request{}, err
	}
	o, err := readOutput(out)
	if err != nil {
		return request{}, err
	}
	r := request{Module: digest, Note: o.Note, Do: []reactors.Request{}}
	for i, do := range o.Do {
		s, err := a.prepare(do, c, fmt.Sprintf("%s.%d", c.Label, i))
		if err != nil {
			return request{}, fmt.Errorf("its answer's do[%d]: %w", i, err)
		}
		r.Do = append(r.Do, s)
	}
	return r, nil
}

// Act implements [reactors.Action]: it does what the module asked for.
func (a *Action) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("exec", raw)
	if err != nil || r.Do == nil {
		return reactors.Result{}, reactors.Permanent(errors.New("read the stored request: it isn't one of exec"))
	}
	for i, s := range r.Do {
		if _, known := a.delegates[s.Action]; !known {
			return reactors.Result{}, reactors.Permanent(fmt.Errorf("read the stored request: this worker has no action for its do[%d]", i))
		}
	}
	result := reactors.Result{Note: r.Note}
	for _, s := range r.Do {
		done, err := a.delegates[s.Action].Act(ctx, s.Body)
		if err != nil {
			return reactors.Result{}, fmt.Errorf("%s, which the module asked for: %w", s.Action, err)
		}
		if done.Message != "" {
			result.Message = done.Message
		}
		if result.Note == "" {
			result.Note = done.Note
		}
	}
	if len(r.Do) == 0 && result.Note == "" {
		result.Note = "the module asked for nothing"
	}
	return result, nil
}
