package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// rules reads a file of rules; "" stands for the configured one.
func (e *environment) rules(cfg config.Config, path string) (*rules.Set, error) {
	if path != "" {
		cfg.Reactors.File = path
	}
	list, err := actions.List(cfg, nil, nil)
	if err != nil {
		return nil, err
	}
	return loadRules(cfg, list)
}

// loadRules reads the configured rules. Without a file nothing reacts.
func loadRules(cfg config.Config, list []reactors.Action) (*rules.Set, error) {
	if cfg.Reactors.File == "" {
		return &rules.Set{}, nil
	}
	return rules.Load(cfg.Reactors.File, rules.Options{Actions: list})
}

// reacting is the part of the worker that carries out rules.
type reacting struct {
	actions []reactors.Action
	book    *engine.RuleSet
	metrics *reactorMetrics
}

// Plan implements reactors.Planner, for the store, which is opened first.
func (r *reacting) Plan(c reactors.Change) []reactors.Intent { return r.book.Plan(c) }

// close releases what actions keep open.
func (r *reacting) close(log *zap.Logger) {
	if err := actions.Close(context.Background(), r.actions); err != nil {
		log.Warn("actions could not be closed", zap.Error(err))
	}
}

// openRules reads the rules that the store will be asked to plan by. The
// store is open already.
func (w *worker) openRules() (err error) {
	if w.reacting.actions, err = actions.List(w.cfg, w.chat, recorder{w.store}); err != nil {
		return err
	}
	set, err := loadRules(w.cfg, w.reacting.actions)
	if err != nil {
		return err
	}
	w.reacting.book, w.reacting.metrics = engine.NewRuleSet(set), newReactorMetrics()
	w.log.Info("rules are in force", zap.String("file", w.cfg.Reactors.File), zap.String("hash", set.Hash), zap.Int("rules", len(set.Rules())))
	w.warnOfSilence(set)
	return nil
}

// warnOfSilence tells of rules that wait for events that no subscription asks
// for: they would do nothing, and nothing would show why.
func (w *worker) warnOfSilence(set *rules.Set) {
	for _, r := range set.Rules() {
		if missing := unheard(r, w.cfg.Workspace); len(missing) > 0 && r.Mode != rules.Off {
			w.log.Warn("a rule waits for events that no subscription asks for: add them to workspace.event_types and run subscribe-setup apply",
				zap.String("reactor", r.ID), zap.Strings("event_types", missing))
		}
	}
}

// unheard are the event types that a rule waits for and no target has. Where no
// target is configured, somebody else sees to the subscriptions.
func unheard(r *rules.Rule, ws config.Workspace) (missing []string) {
	if len(ws.All()) == 0 {
		return nil
	}
	for _, trigger := range r.On {
		for _, name := range trigger.EventTypes() {
			if !ws.AsksFor(name) {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// addReacting adds runs and schedules to what the job client will work on.
func (w *worker) addReacting(opts *jobs.Options, h hooks) error {
	dispatcher := engine.NewDispatcher(w.reacting.book, w.reacting.actions, w.store, w.log.Named("reactors"), engine.Options{
		WriteInterval:   time.Minute / time.Duration(w.cfg.Chat.WritesPerMinutePerSpace),
		ProjectInterval: time.Minute / time.Duration(w.cfg.Chat.WritesPerMinute),
		Directory:       directory{w.chat},
		Observe: func(r reactors.Run, o reactors.Outcome, reason string) {
			w.reacting.metrics.ended(r, o, time.Now())
			if h.observeRun != nil {
				h.observeRun(r, o, reason)
			}
		},
	})
	if err := dispatcher.AddWorkers(opts.Workers); err != nil {
		return err
	}
	if err := engine.NewScheduler(w.reacting.book, w.store, nil).AddWorkers(opts.Workers); err != nil {
		return err
	}
	opts.Queues[reactors.Queue] = engine.MaxWorkers
	opts.Periodic = append(opts.Periodic, engine.Periodic())
	return nil
}

// watchRules takes up changes of the rules until ctx ends.
func (w *worker) watchRules(ctx context.Context) error {
	if w.cfg.Reactors.File == "" {
		return nil
	}
	looked := w.reacting.book.Set().Hash
	load := func() (*rules.Set, error) {
		set, err := loadRules(w.cfg, w.reacting.actions)
		switch {
		case err != nil:
			w.reacting.metrics.rejected.Inc()
		case set.Hash != looked:
			looked = set.Hash
			w.warnOfSilence(set)
		}
		return set, err
	}
	return w.reacting.book.Watch(ctx, w.cfg.Reactors.File, load, w.log.Named("reactors"))
}

// recorder keeps what the record action notes.
type recorder struct{ db *store.Store }

func (r recorder) Record(ctx context.Context, e record.Entry) error {
	return r.db.KeepRecord(ctx, store.Record{
		Key: e.Key, Name: e.Name, Value: e.Value, Reactor: e.Reactor, Space: e.Space, Member: e.Member, EventTime: e.At,
	})
}

// directory tells names of spaces by the Chat API.
type directory struct{ chat *gchat.Client }

func (d directory) SpaceName(ctx context.Context, space string) (displayName, spaceType string, err error) {
	got, err := d.chat.Space(ctx, space)
	if err != nil {
		return "", "", err
	}
	var s struct {
		DisplayName string `json:"displayName"`
		SpaceType   string `json:"spaceType"`
	}
	if err := json.Unmarshal(got.Data, &s); err != nil {
		return "", "", fmt.Errorf("read the name of %s: %w", space, err)
	}
	return s.DisplayName, s.SpaceType, nil
}
