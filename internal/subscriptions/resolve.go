package subscriptions

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
)

// Directory lists the spaces that the caller is in. *gchat.Client is one.
type Directory interface {
	Spaces(ctx context.Context, page string) (gchat.SpacesPage, error)
}

// Resolver finds out what a configuration asks for, patterns included. It may
// be used by several goroutines.
type Resolver struct {
	cfg       config.Config
	directory Directory
	log       *zap.Logger

	mu   sync.Mutex
	last []gchat.SpaceInfo // as of the last list that could be read
}

// NewResolver returns a resolver. log is told when a list can't be read; nil
// for nobody.
func NewResolver(cfg config.Config, directory Directory, log *zap.Logger) *Resolver {
	if log == nil {
		log = zap.NewNop()
	}
	return &Resolver{cfg: cfg, directory: directory, log: log}
}

// Desired lists what should exist now. A space that is named has the settings
// that stand with its name; one that is meant by patterns only, those of the
// first. If the spaces can't be listed, the last list is good: what was
// desired must not lapse because the Chat API is away.
func (r *Resolver) Desired(ctx context.Context) ([]Desired, error) {
	list := DesiredFrom(r.cfg)
	var patterns []config.Target
	for _, t := range r.cfg.Workspace.All() {
		if t.Kind() == config.KindName {
			patterns = append(patterns, t)
		}
	}
	if len(patterns) == 0 {
		return list, nil
	}
	spaces, err := r.spaces(ctx)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, d := range list {
		named[d.Scope] = true
	}
	for _, s := range spaces {
		meant := func(t config.Target) bool { return t.Matches(s.DisplayName) }
		if i := slices.IndexFunc(patterns, meant); i >= 0 && !named[s.Name] {
			list = append(list, desire(r.cfg, patterns[i], s.Name))
		}
	}
	return list, nil
}

// Unmatched lists the patterns that mean none of the spaces.
func (r *Resolver) Unmatched(spaces []gchat.SpaceInfo) []string {
	var list []string
	for _, t := range r.cfg.Workspace.All() {
		meant := func(s gchat.SpaceInfo) bool { return t.Matches(s.DisplayName) }
		if t.Kind() == config.KindName && !slices.ContainsFunc(spaces, meant) {
			list = append(list, t.Target)
		}
	}
	return list
}

func (r *Resolver) spaces(ctx context.Context) ([]gchat.SpaceInfo, error) {
	spaces, err := AllSpaces(ctx, r.directory)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.last = spaces
	case r.last == nil || ctx.Err() != nil:
		return nil, fmt.Errorf("resolve the names under workspace.targets: %w", err)
	default:
		r.log.Warn("the spaces can't be listed: names mean what they meant before", zap.Error(err))
	}
	return r.last, nil
}

// AllSpaces reads the whole list.
func AllSpaces(ctx context.Context, d Directory) ([]gchat.SpaceInfo, error) {
	all := []gchat.SpaceInfo{}
	for page := ""; ; {
		list, err := d.Spaces(ctx, page)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Spaces...)
		if page = list.Next; page == "" {
			return all, nil
		}
	}
}
