package subscriptions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
)

// Directory lists the spaces that the caller is in. *gchat.Client is one.
type Directory interface {
	Spaces(ctx context.Context, page string) (gchat.SpacesPage, error)
}

// ResolverOptions are what a Resolver asks.
type ResolverOptions struct {
	Directory Directory
	// Followed lists the spaces "spaces/S" that the Chat app was added to,
	// which keeper.on_added asks for; nil if nobody knows. store.FollowedSpaces
	// does.
	Followed func(context.Context) ([]string, error)
	// Listed is told of all spaces whenever they were listed, and when that was
	// begun. With it they are listed though no pattern asks for it; nil for
	// nobody.
	Listed func(context.Context, time.Time, []gchat.SpaceInfo)
	// Now is Google's clock. Default time.Now.
	Now func() time.Time
	// Log is told when a list can't be read; nil for nobody.
	Log *zap.Logger
}

// Resolver finds out what a configuration asks for, patterns included. It may
// be used by several goroutines.
type Resolver struct {
	cfg  config.Config
	opts ResolverOptions

	mu   sync.Mutex
	last []gchat.SpaceInfo // as of the last list that could be read

	unnamed atomic.Bool // only names were wanted, and the last list failed
}

// NewResolver returns a resolver; it asks nobody yet.
func NewResolver(cfg config.Config, opts ResolverOptions) *Resolver {
	opts.Log = cmp.Or(opts.Log, zap.NewNop())
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Resolver{cfg: cfg, opts: opts}
}

// Desired lists what should exist now. A space that is named has the settings
// that stand with its name; one that is meant by patterns only, those of the
// first; one that the app was merely added to, those of all. If the spaces
// can't be listed, the last list is good: what was desired must not lapse
// because the Chat API is away.
func (r *Resolver) Desired(ctx context.Context) ([]Desired, error) {
	list := DesiredFrom(r.cfg)
	named := make(map[string]bool, len(list))
	for _, d := range list {
		named[d.Scope] = true
	}
	add := func(t config.Target, scope string) {
		if !named[scope] {
			named[scope] = true
			list = append(list, desire(r.cfg, t, scope))
		}
	}
	if err := r.byName(ctx, add); err != nil {
		return nil, err
	}
	if !r.cfg.Keeper.OnAdded || r.opts.Followed == nil {
		return list, nil
	}
	followed, err := r.opts.Followed(ctx)
	if err != nil {
		return nil, err
	}
	all := r.cfg.Workspace
	all.Spaces, all.Targets = followed, nil
	for _, t := range all.All() {
		add(t, t.Target)
	}
	return list, nil
}

// byName adds the spaces that patterns mean.
func (r *Resolver) byName(ctx context.Context, add func(t config.Target, scope string)) error {
	var patterns []config.Target
	for _, t := range r.cfg.Workspace.All() {
		if t.Kind() == config.KindName {
			patterns = append(patterns, t)
		}
	}
	if len(patterns) == 0 && r.opts.Listed == nil {
		return nil
	}
	spaces, err := r.spaces(ctx)
	if len(patterns) == 0 {
		if unnamed := err != nil; r.unnamed.Swap(unnamed) != unnamed && unnamed {
			r.opts.Log.Warn("spaces not listed; their names stay as they are", zap.Error(err))
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range spaces {
		meant := func(t config.Target) bool { return t.Matches(s.DisplayName) }
		if i := slices.IndexFunc(patterns, meant); i >= 0 {
			add(patterns[i], s.Name)
		}
	}
	return nil
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
	began := r.opts.Now()
	spaces, err := AllSpaces(ctx, r.opts.Directory)
	if err == nil && r.opts.Listed != nil {
		r.opts.Listed(ctx, began, spaces)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.last = spaces
	case r.last == nil || ctx.Err() != nil:
		return nil, fmt.Errorf("resolve the names under workspace.targets: %w", err)
	default:
		r.opts.Log.Warn("spaces not listed; using the previous list", zap.Error(err))
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
