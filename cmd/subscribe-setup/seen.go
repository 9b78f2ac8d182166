package main

import (
	"context"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// sight is what there is of subscriptions, and how that is known.
type sight struct {
	list []subscriptions.Subscription
	seen subscriptions.Seen // with its time, if the keeper's look is what list is from
	why  string             // why Google was asked; "" if it should be
}

// look takes the subscriptions from what the keeper saw, and from Google where
// nothing is known of that or fresh is wanted.
func (s *session) look(ctx context.Context, fresh bool) (sight, error) {
	there := sight{}
	if !fresh {
		db, err := s.database(ctx)
		switch {
		case !s.hasDatabase():
			there.why = "there is no database"
		case err != nil:
			there.why = "the database can't be used"
		case !s.cfg.Keeper.Enabled:
			there.why = "keeper.enabled is off, so nobody looks at them"
		default:
			if there.seen, err = subscriptions.LastSeen(ctx, db); err != nil {
				return there, store.ExplainConnecting(err)
			}
			if !there.seen.At.IsZero() {
				there.list = there.seen.Subscriptions
				return there, nil
			}
			there.why = "no keeper has looked yet"
		}
	}
	var err error
	there.list, err = s.manager.List(ctx)
	return there, err
}

// names are the spaces' display names. Where Google needn't be asked for
// anything, it isn't asked for them either.
func (s *session) names(ctx context.Context, there sight) map[string]string {
	if there.seen.At.IsZero() || s.directory.read {
		return s.directory.names(ctx)
	}
	known, _ := names.Known(ctx, s.store) // without them it is only less readable
	for space, name := range known {
		known[space] = cli.Clean(name)
	}
	return known
}
