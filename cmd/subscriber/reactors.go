package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// newReactors is the commands by which people see what rules do, before they
// do it and afterwards.
func newReactors(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{
		Use:   "reactors",
		Short: "See what rules do and would do, try them out, and stop them",
		Long: `Reactors are the rules in the file that reactors.file in the configuration names.
Write one, look for mistakes with lint, try it with test and preview, and see
with replay what it would have done; runs tells what it decides.`,
	},
		newReactorsLint(env), newReactorsTest(env), newReactorsSchema(env),
		newReactorsPreview(env), newReactorsReplay(env), newReactorsDiff(env),
		newReactorsList(env), newReactorsRuns(env),
		newReactorsRetry(env), newReactorsPause(env), newReactorsResume(env),
	)
}

// arg is the argument, or "".
func arg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// someRules reads the configured rules, or a file's, where one can be named; there
// have to be some.
func (e *environment) someRules(cfg config.Config, path string) (*rules.Set, error) {
	if path == "" && cfg.Reactors.File == "" {
		return nil, cli.Usage("there is no file of rules: name one, such as reactors.yaml, or set reactors.file in the configuration")
	}
	return e.rules(cfg, path)
}

// rules reads a file of rules; "" stands for the configured one.
func (e *environment) rules(cfg config.Config, path string) (*rules.Set, error) {
	if path != "" {
		cfg.Reactors.File = path
	}
	list, err := actions.List(cfg, nil, nil)
	if err != nil {
		return nil, err
	}
	return rules.Load(cfg.Reactors.File, rules.Options{Actions: list})
}

// knownRule looks a rule up that somebody has named.
func knownRule(set *rules.Set, id, space string) (*rules.Rule, error) {
	if rule := set.Rule(id, space); rule != nil {
		return rule, nil
	}
	var ids []string
	for _, r := range set.Rules() {
		ids = append(ids, r.ID)
	}
	if len(ids) == 0 {
		return nil, cli.Usage("unknown rule %q: the file holds none", id)
	}
	return nil, cli.Usage("unknown rule %q; rules: %s", id, strings.Join(ids, ", "))
}

// withStore opens the database for one command, and explains why it can't be
// reached.
func withStore(ctx context.Context, cfg config.Config, use func(*store.Store) error) error {
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 4})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.CheckSchema(ctx); err != nil {
		return store.ExplainConnecting(err)
	}
	return store.ExplainConnecting(use(db))
}

// withRuns reads the configuration and opens the runs for one command.
func (e *environment) withRuns(ctx context.Context, use func(config.Config, *store.Store, *runs.Runs) error) error {
	cfg, err := e.Load(config.ForReactors)
	if err != nil {
		return err
	}
	return withStore(ctx, cfg, func(db *store.Store) error { return use(cfg, db, runs.New(db)) })
}

// withEventLog opens the event log for one command. Nothing reacts to what it
// records.
func withEventLog(ctx context.Context, cfg config.Config, use func(*store.Store, *eventlog.Log) error) error {
	return withStore(ctx, cfg, func(db *store.Store) error {
		l, err := eventlog.New(db, nil, nil)
		if err != nil {
			return err
		}
		return use(db, l)
	})
}

// maxText is how much of a text fits a table.
const maxText = 60

// clockTime is a time in a table.
func clockTime(t time.Time) string { return t.UTC().Format("01-02 15:04:05") }
