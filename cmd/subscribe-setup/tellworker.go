package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// tellWorker tells the worker, through the database, what an apply has
// changed: its keeper looks at it, and the past that was asked for is fetched.
// Without a database nothing is told, and the worker finds out by itself.
func (e *environment) tellWorker(ctx context.Context, s *session, results []subscriptions.Result, back time.Duration) error {
	changed := func(r subscriptions.Result) bool {
		return r.Err == nil && r.Outcome != subscriptions.Unchanged && r.Outcome != subscriptions.Left
	}
	if !s.hasDatabase() || back == 0 && !slices.ContainsFunc(results, changed) {
		return nil
	}
	db, err := s.database(ctx)
	if err != nil {
		return err
	}
	if now := s.manager.Now(); back > 0 {
		asked, err := db.RequestPast(ctx, now, now.Add(-back), watchedSince(results))
		if err != nil {
			return err
		}
		e.Say("%s", s.pastText(len(asked), back))
	}
	return db.RequestPass(ctx)
}

// watchedSince is when each subscription began, for those whose past Google
// can list.
func watchedSince(results []subscriptions.Result) map[string]time.Time {
	since := map[string]time.Time{}
	for _, r := range results {
		s := r.Subscription
		if r.Err == nil && s != nil && s.State == subscriptions.StateActive && !events.IsUser(r.Scope) {
			since[r.Scope] = s.CreateTime
		}
	}
	return since
}

func (s *session) pastText(scopes int, back time.Duration) string {
	span := cli.ShortDuration(back)
	switch {
	case scopes == 0:
		return "The last " + span + " are there already, or being fetched."
	case !s.cfg.Backfill.Auto:
		return fmt.Sprintf("The last %s of %s are missing: backfill.auto is off, so run subscriber backfill --since %s", span, cli.Count(scopes, "target"), span)
	}
	return fmt.Sprintf("The worker fetches the last %s of %s; subscribe-setup status shows what is left.", span, cli.Count(scopes, "target"))
}
