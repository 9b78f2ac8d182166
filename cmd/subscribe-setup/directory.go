package main

import (
	"context"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// directory reads the list of spaces once per command.
type directory struct {
	chat   *gchat.Client
	read   bool
	spaces []gchat.SpaceInfo
	err    error
}

func (d *directory) all(ctx context.Context) ([]gchat.SpaceInfo, error) {
	if !d.read {
		d.spaces, d.err = subscriptions.AllSpaces(ctx, d.chat)
		d.read = true
	}
	return d.spaces, d.err
}

// Spaces implements [subscriptions.Directory].
func (d *directory) Spaces(ctx context.Context, _ string) (gchat.SpacesPage, error) {
	spaces, err := d.all(ctx)
	return gchat.SpacesPage{Spaces: spaces}, err
}

// names are the spaces' display names. They make output readable and nothing
// else: if they can't be had, it goes without.
func (d *directory) names(ctx context.Context) map[string]string {
	spaces, _ := d.all(ctx)
	names := make(map[string]string, len(spaces))
	for _, s := range spaces {
		names[s.Name] = cli.Clean(s.DisplayName)
	}
	return names
}
