package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/react"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// actions is the list of what rules can do: to add an action is to add a line
// here. What reads rules without carrying them out needs neither chat nor db.
func actions(cfg config.Config, chat *gchat.Client, db *store.Store) ([]reactors.Action, error) {
	var allow []netip.Prefix
	for _, network := range cfg.Reactors.WebhookAllow {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, fmt.Errorf("reactors.webhook_allow: %w", err)
		}
		allow = append(allow, prefix)
	}
	sends, records := send.New(chat), record.New(recorder{db})
	list := []reactors.Action{
		sends,
		send.NewUpdate(chat),
		send.NewDelete(chat),
		react.New(chat, react.Options{UserAuth: cfg.Auth.Mode != config.AuthApp}),
		dm.New(chat),
		member.NewAdd(chat),
		member.NewRemove(chat),
		webhook.New(webhook.Options{Allow: allow, AllowLoopback: config.IsLoopback(cfg.Endpoints.Chat)}),
		records,
	}
	// A module can do no more than these, which write where its rule could.
	modules, err := wasm.New(wasm.Options{Dir: filepath.Dir(cfg.Reactors.File)}, sends, records)
	if err != nil {
		return nil, err
	}
	return append(list, modules), nil
}

// rules reads a file of rules; "" stands for the configured one.
func (e *environment) rules(cfg config.Config, path string) (*rules.Set, error) {
	if path != "" {
		cfg.Reactors.File = path
	}
	list, err := actions(cfg, nil, nil)
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
	book    *engine.Book
	metrics *reactorMetrics
}

// Plan implements reactors.Planner, for the store, which is opened first.
func (r *reacting) Plan(c reactors.Change) []reactors.Intent { return r.book.Plan(c) }

// close releases what actions keep open.
func (r *reacting) close(log *zap.Logger) {
	for _, a := range r.actions {
		switch a := a.(type) {
		case interface{ Close() }:
			a.Close()
		case interface{ Close(context.Context) error }:
			if err := a.Close(context.Background()); err != nil {
				log.Warn("closing an action", zap.String("action", a.(reactors.Action).Name()), zap.Error(err))
			}
		}
	}
}

// openRules reads the rules that the store will be asked to plan by. The
// store is open already.
func (w *worker) openRules() (err error) {
	if w.reacting.actions, err = actions(w.cfg, w.chat, w.store); err != nil {
		return err
	}
	set, err := loadRules(w.cfg, w.reacting.actions)
	if err != nil {
		return err
	}
	w.reacting.book, w.reacting.metrics = engine.NewBook(set), newReactorMetrics()
	w.log.Info("rules are in force", zap.String("file", w.cfg.Reactors.File), zap.String("hash", set.Hash), zap.Int("rules", len(set.Rules())))
	return nil
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
	load := func() (*rules.Set, error) {
		set, err := loadRules(w.cfg, w.reacting.actions)
		if err != nil {
			w.reacting.metrics.rejected.Inc()
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
