package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// catchUp is the reader of Google's side and the spaces that a command reads.
type catchUp struct {
	covered *coverage.Coverage
	reader  *catchup.Reader
	spaces  []string
}

// withCatchUp opens what commands about spaces need. No named space stands for
// all that are known or configured.
func withCatchUp(ctx context.Context, cfg config.Config, named []string, o catchup.Options, use func(catchUp) error) error {
	return withEventLog(ctx, cfg, func(db *store.Store, l *eventlog.Log) error {
		named, err := resolveSpaces(ctx, db, named)
		if err != nil {
			return err
		}
		chat, err := gchat.Open(ctx, cfg, nil)
		if err != nil {
			return err
		}
		defer chat.Close()
		spaces, err := spacesToRead(ctx, cfg, l, named)
		if err != nil {
			return err
		}
		covered := coverage.New(db)
		return use(catchUp{covered, catchup.New(chat, l, covered, o), spaces})
	})
}

// eachSpace reads the spaces one by one and prints what read tells of each. It
// returns how many failed; one that fails doesn't stop the others.
func (e *environment) eachSpace(ctx context.Context, spaces []string, read func(space string) (string, error)) (failed int, err error) {
	for i, space := range spaces {
		told, err := read(space)
		switch {
		case ctx.Err() != nil:
			return failed, fmt.Errorf("%w after %d of %d spaces: run it again", ctx.Err(), i, len(spaces))
		case err != nil:
			failed++
			e.Print("%s  failed: %v\n", space, err)
		default:
			e.Print("%s  %s\n", space, told)
		}
	}
	return failed, nil
}

// spacesToRead are those that were named; or else all that are configured, and
// all that are known but for direct messages and group chats without a name.
func spacesToRead(ctx context.Context, cfg config.Config, l *eventlog.Log, named []string) ([]string, error) {
	spaces := named
	if len(spaces) == 0 {
		var err error
		if spaces, err = l.NamedSpaces(ctx); err != nil {
			return nil, err
		}
		for _, t := range cfg.Workspace.All() {
			if events.IsSpace(t.Target) {
				spaces = append(spaces, t.Target)
			}
		}
	}
	slices.Sort(spaces)
	spaces = slices.Compact(spaces)
	if len(spaces) == 0 {
		return nil, errors.New("no space is known or configured: name one with --space")
	}
	return spaces, nil
}
