package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

// provisioner connects to Pub/Sub. Close it.
func (s *session) provisioner(ctx context.Context) (*provision.Provisioner, error) {
	if s.cfg.PubSub.Subscription == "" {
		return nil, cli.WrongConfiguration("pubsub.manage is on and pubsub.subscription is missing: set it, or make Pub/Sub's resources by terraform/")
	}
	o, err := provision.OptionsAs(s.cfg)
	if err != nil {
		return nil, err
	}
	return provision.New(ctx, o)
}

// drifts are what apply would make or mend of Pub/Sub, and what is left to a
// person; none unless pubsub.manage is on.
func (s *session) drifts(ctx context.Context) (mended, left []provision.Drift, err error) {
	if !s.cfg.PubSub.Manage {
		return nil, nil, nil
	}
	p, err := s.provisioner(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	all, err := p.CheckMendable(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("look at Pub/Sub: %w", err)
	}
	for _, d := range all {
		if d.Mend == provision.InPlace {
			mended = append(mended, d)
		} else {
			left = append(left, d)
		}
	}
	return mended, left, nil
}

// makePubSub makes what is missing, where pubsub.manage is on. The topic has
// to be there before anything can be subscribed to.
func (e *environment) makePubSub(ctx context.Context, s *session) (err error) {
	if !s.cfg.PubSub.Manage {
		return nil
	}
	p, err := s.provisioner(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	done, left, err := p.Make(ctx)
	for _, change := range done {
		e.Say("Pub/Sub: %s", change)
	}
	if err != nil {
		return fmt.Errorf("make Pub/Sub's resources (apply again to go on): %w", err)
	}
	if slices.ContainsFunc(done, func(c provision.Change) bool { return strings.HasPrefix(c.What, "granted") }) {
		e.Say("Note: Google takes some minutes to notice new rights. A subscription that is suspended until then is reactivated by the worker, or by applying again")
	}
	for _, r := range report.PubSubRows(nil, left) {
		e.Say("Note: Pub/Sub: %s", r.Text())
	}
	return nil
}
