package worker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// ruleRunner carries out the rules.
type ruleRunner struct {
	actions    []reactors.Action
	set        *engine.RuleSet
	dispatcher *engine.Dispatcher
	metrics    *ruleMetrics
	unready    atomic.Pointer[[]strictyaml.Mistake] // of the rules that were read last
	loading    sync.WaitGroup
}

// count returns the number of rules in force in a mode.
func (r *ruleRunner) count(mode rules.Mode) (n int) {
	for _, rule := range r.set.Set().Rules() {
		if rule.Mode == mode {
			n++
		}
	}
	return n
}

// openRules reads the rules by which the event log plans runs.
func (w *Worker) openRules(ctx context.Context) (err error) {
	if w.rules.actions, err = actions.List(w.cfg, w.chat, recorder{w.runs}); err != nil {
		return err
	}
	set, err := w.loadRules(ctx)
	if err != nil {
		return err
	}
	w.rules.set, w.rules.metrics = engine.NewRuleSet(set), newRuleMetrics()
	w.log.Info("rules are in force", zap.String("file", w.cfg.Reactors.File), zap.String("hash", set.Hash), zap.Int("rules", len(set.Rules())))
	w.warnOfMissingEvents(set)
	w.warnOfUnready(set)
	return nil
}

// loadRules reads the rules, which may take half a minute with modules that have
// to be compiled. If ctx ends before, that goes on, until closeRules ends it.
func (w *Worker) loadRules(ctx context.Context) (*rules.Set, error) {
	type loaded struct {
		set *rules.Set
		err error
	}
	done := make(chan loaded, 1)
	w.rules.loading.Go(func() {
		set, err := rules.Load(w.cfg.Reactors.File, rules.Options{Actions: w.rules.actions})
		done <- loaded{set, err}
	})
	select {
	case l := <-done:
		return l.set, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// closeRules releases what actions keep open.
func (w *Worker) closeRules() {
	defer w.rules.loading.Wait() // closed actions compile nothing
	if err := actions.Close(context.Background(), w.rules.actions); err != nil {
		w.log.Warn("actions not closed", zap.Error(err))
	}
}

// warnOfUnready tells what keeps rules from doing anything for now, when that changes.
func (w *Worker) warnOfUnready(set *rules.Set) {
	before := w.rules.unready.Swap(&set.Unready)
	if before == nil {
		before = &[]strictyaml.Mistake{}
	}
	if slices.Equal(*before, set.Unready) {
		return
	}
	for _, m := range set.Unready {
		w.log.Error("a rule can't do anything; its runs fail until it can", zap.String("problem", m.Short()))
	}
	if len(set.Unready) == 0 {
		w.log.Info("all rules can do what they say; subscriber reactors retry --failed tries runs again that have failed")
	}
}

// unreadyRules counts what warnOfUnready told of.
func (r *ruleRunner) unreadyRules() float64 {
	if list := r.unready.Load(); list != nil {
		return float64(len(*list))
	}
	return 0
}

// warnOfMissingEvents names rules that wait for events that no subscription
// asks for: they do nothing, and nothing else shows why.
func (w *Worker) warnOfMissingEvents(set *rules.Set) {
	requested := w.cfg.Workspace.Requested()
	for _, r := range set.Rules() {
		if missing := missingEvents(r, requested); len(missing) > 0 && r.Mode != rules.Off {
			w.log.Warn("a rule waits for events that no subscription asks for: add them to workspace.event_types and run subscribe-setup apply",
				zap.String("reactor", r.ID), zap.Strings("event_types", missing))
		}
	}
}

// missingEvents are the event types that a rule waits for and no target asks
// for. Without targets, the subscriptions are configured somewhere else.
func missingEvents(r *rules.Rule, requested map[string]bool) (missing []string) {
	if requested == nil {
		return nil
	}
	for _, trigger := range r.On {
		for _, name := range trigger.EventTypes() {
			if !requested[name] {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// addRules adds runs and schedules to the jobs.
func (w *Worker) addRules(queue *jobs.Options) error {
	dispatcher := engine.NewDispatcher(w.rules.set, w.rules.actions, w.runs, w.eventLog, w.log.Named("reactors"), engine.Options{
		WriteInterval:   time.Minute / time.Duration(w.cfg.Chat.WritesPerMinutePerSpace),
		ProjectInterval: time.Minute / time.Duration(w.cfg.Chat.WritesPerMinute),
		Directory:       directory{w.chat},
		Now:             w.manager.Now,
		BreakerPause:    w.opts.BreakerPause,
		Tracer:          w.opts.Tracer,
		Observe: func(r reactors.Run, o reactors.Outcome, reason string) {
			w.rules.metrics.ended(r, o, w.manager.Now())
			if w.opts.ObserveRun != nil {
				w.opts.ObserveRun(r, o, reason)
			}
		},
	})
	if err := dispatcher.AddWorkers(queue.Workers); err != nil {
		return err
	}
	queue.Queues[reactors.Queue], queue.Punctual = engine.MaxWorkers, reactors.Queue
	w.rules.dispatcher = dispatcher
	return nil
}

// wakeRuns wakes runs that wait for what fails until ctx ends.
func (w *Worker) wakeRuns(ctx context.Context) error {
	w.rules.dispatcher.KeepWaking(ctx)
	return nil
}

// watchSchedules claims what schedules ask for until ctx ends.
func (w *Worker) watchSchedules(ctx context.Context) error {
	engine.NewScheduler(w.rules.set, w.runs, w.eventLog, w.manager.Now).Run(ctx, w.log.Named("reactors"))
	return nil
}

// watchRules takes up changes of the rules' file until ctx ends.
func (w *Worker) watchRules(ctx context.Context) error {
	if w.cfg.Reactors.File == "" {
		return nil
	}
	load := func(ctx context.Context) (*rules.Set, error) {
		set, err := w.loadRules(ctx)
		switch {
		case ctx.Err() != nil: // nobody wants them any more
		case err != nil:
			w.rules.metrics.rejected.Inc()
		default:
			if set.Hash != w.rules.set.Set().Hash {
				w.warnOfMissingEvents(set)
			}
			w.warnOfUnready(set)
		}
		return set, err
	}
	return w.rules.set.Watch(ctx, w.cfg.Reactors.File, load, w.log.Named("reactors"))
}

// recorder saves what the record action notes.
type recorder struct{ runs *runs.Runs }

func (r recorder) Record(ctx context.Context, e record.Entry) error {
	return r.runs.KeepRecord(ctx, runs.Record{
		Key: e.Key, Name: e.Name, Value: e.Value, Reactor: e.Reactor, Space: e.Space, Member: e.Member, EventTime: e.At,
	})
}

// directory reads from the Chat API what events leave out.
type directory struct{ chat *gchat.Client }

// SpaceName implements [engine.Directory].
func (d directory) SpaceName(ctx context.Context, space string) (displayName, spaceType string, err error) {
	got, err := read[struct{ DisplayName, SpaceType string }](d.chat.Space(ctx, space))
	return got.DisplayName, got.SpaceType, err
}

// Person implements [engine.Directory].
func (d directory) Person(ctx context.Context, space, user string) (facts.Person, error) {
	got, err := read[struct {
		Member      struct{ Type string }
		Affiliation string
	}](d.chat.Membership(ctx, events.MemberName(space, user)))
	return facts.Person{Type: got.Member.Type, Affiliation: got.Affiliation}, err
}

// Message implements [engine.Directory].
func (d directory) Message(ctx context.Context, name string) (events.Message, error) {
	got, err := read[struct {
		Text           string
		Sender, Thread struct{ Name string }
		ThreadReply    bool
		Attachment     []struct{}
	}](d.chat.Message(ctx, name))
	return events.Message{
		Name: name, Text: got.Text, Sender: events.User{Name: got.Sender.Name}, Thread: got.Thread.Name, ThreadReply: got.ThreadReply,
		AttachmentCount: len(got.Attachment),
	}, err
}

// read reads what Google tells of something. Keys are the fields' names, in
// another case.
func read[T any](got gchat.Resource, err error) (what T, _ error) {
	if err != nil {
		return what, err
	}
	if json.Unmarshal(got.Data, &what) != nil { // its words may quote a text
		return what, errors.New("read what Google tells: it isn't what is documented")
	}
	return what, nil
}
