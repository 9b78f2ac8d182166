package main

import (
	"context"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// checkSpaces checks the values of --space.
func checkSpaces(spaces []string) error {
	for _, s := range spaces {
		if !events.IsSpace(s) {
			return cli.Usage("--space %q is no space: name it as spaces/AAQA…", s)
		}
	}
	return nil
}

// spacesToRead are those that were named, or else all that are known or
// configured.
func spacesToRead(ctx context.Context, cfg config.Config, l *eventlog.Log, named []string) ([]string, error) {
	spaces := named
	if len(spaces) == 0 {
		var err error
		if spaces, err = l.Spaces(ctx); err != nil {
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
		return nil, errNoSpace
	}
	return spaces, nil
}
