package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// newReactors is the commands by which people see what rules do, before they
// do it and afterwards.
func newReactors(env *environment) *cobra.Command {
	group := env.Group(&cobra.Command{
		Use:   "reactors",
		Short: "See what rules do and would do, try them out, and stop them",
		Long: `Reactors are the rules in the file that reactors.file in the configuration names,
or --file. Write one, look for mistakes with lint, try it with test and preview,
and see with replay what it would have done; runs tells what it decides.`,
	},
		newReactorsLint(env), newReactorsTest(env), newReactorsSchema(env),
		newReactorsPreview(env), newReactorsReplay(env), newReactorsDiff(env),
		newReactorsList(env), newReactorsRuns(env),
		newReactorsRetry(env), newReactorsPause(env), newReactorsResume(env),
	)
	group.PersistentFlags().StringVar(&env.ruleFile, "file", "", "the file of rules, instead of the configured one")
	return group
}

// rules reads the file of rules that is named, or else the configured one.
func (e *environment) rules(cfg config.Config, spaceNames ...string) (*rules.Set, error) {
	if e.ruleFile != "" {
		cfg.Reactors.File = e.ruleFile
	}
	if cfg.Reactors.File == "" {
		return nil, cli.Usage("there is no file of rules: name one, as in --file reactors.yaml, or set reactors.file in the configuration")
	}
	return readRules(cfg, cfg.Reactors.File, spaceNames...)
}

func readRules(cfg config.Config, path string, spaceNames ...string) (*rules.Set, error) {
	cfg.Reactors.File = path // modules and secrets are looked for beside it
	list, err := actions.List(cfg, nil, nil)
	if err != nil {
		return nil, err
	}
	return rules.Load(path, rules.Options{Actions: list, SpaceNames: spaceNames})
}

// soundRules are the rules of the file that is named, or else of the configured one,
// without a mistake.
func (e *environment) soundRules(cfg config.Config) (*rules.Set, error) {
	set, err := e.rules(cfg)
	return set, e.showMistakes(err)
}

// showMistakes shows the mistakes in rules that an error is about as lint does, and
// returns how many there are.
func (e *environment) showMistakes(err error) error {
	var wrong *rules.Error
	if !errors.As(err, &wrong) {
		return err
	}
	for _, m := range wrong.Mistakes {
		e.Say("%s", m)
	}
	return mistakes(wrong)
}

func mistakes(wrong *rules.Error) error {
	return fmt.Errorf("the rules have %s", cli.Count(len(wrong.Mistakes), "mistake"))
}

// knownRule is the error about a rule that somebody has named and that there isn't.
func knownRule(set *rules.Set, id string) error {
	if set.Rule(id, "") != nil {
		return nil
	}
	var ids []string
	for _, r := range set.Rules() {
		ids = append(ids, r.ID)
	}
	if len(ids) == 0 {
		return cli.Usage("unknown rule %q: the file holds none", id)
	}
	return cli.Usage("unknown rule %q; rules: %s", id, strings.Join(ids, ", "))
}

// withStore opens the database for one command, and explains why it can't be
// reached.
func withStore(ctx context.Context, cfg config.Config, use func(*store.Store) error) error {
	return withDB(ctx, cfg, func(ctx context.Context, db *store.Store) error { return db.CheckSchema(ctx) }, use)
}

func withDB(ctx context.Context, cfg config.Config, check func(context.Context, *store.Store) error, use func(*store.Store) error) error {
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 4})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := check(ctx, db); err != nil {
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

// withLog reads the configuration and opens the event log for one command.
func (e *environment) withLog(ctx context.Context, need config.Need, use func(*store.Store, *eventlog.Log) error) error {
	cfg, err := e.Load(need)
	if err != nil {
		return err
	}
	return withEventLog(ctx, cfg, use)
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

// resolveSpace is the resource name of a space that somebody has named by it, or by
// what people call it; "" stays "".
func resolveSpace(ctx context.Context, db *store.Store, called string) (string, error) {
	if called == "" || events.IsSpace(called) {
		return called, nil
	}
	known, err := names.Known(ctx, db)
	if err != nil {
		return "", err
	}
	space, err := names.Resolve(known, called)
	if err != nil {
		return "", cli.Usage("--space %q: %v", called, err)
	}
	return space, nil
}

// resolveSpaces is resolveSpace of each.
func resolveSpaces(ctx context.Context, db *store.Store, called []string) (spaces []string, err error) {
	for _, c := range called {
		space, err := resolveSpace(ctx, db, c)
		if err != nil {
			return nil, err
		}
		spaces = append(spaces, space)
	}
	return spaces, nil
}

// titlesOf looks up what people call the spaces and people that texts name.
func titlesOf(ctx context.Context, db *store.Store) preview.TitlesOf {
	return func(texts ...string) preview.Titles { return names.Of(ctx, db, names.Named(texts...)...) }
}
