package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

type planFlags struct {
	exitCode bool
	out      string
	prune    bool
}

func newPlan(env *environment) *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do, after Google has validated it",
		Long: `Compare the configuration with the subscriptions that Google has, and show
what apply would do. Google is asked to validate every subscription that would
be created or changed, so that missing rights show here. Nothing is changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.plan(cmd.Context(), flags) },
	}
	cmd.Flags().BoolVar(&flags.exitCode, "detailed-exitcode", false, "exit with 2 if there is something to apply")
	cmd.Flags().StringVar(&flags.out, "out", "", "file to write the plan to, for apply")
	cmd.Flags().BoolVar(&flags.prune, "prune", false, "plan to delete subscriptions to the topic that aren't configured")
	return cmd
}

func (e *environment) plan(ctx context.Context, flags planFlags) error {
	s, err := e.open(ctx, config.ForApply)
	if err != nil {
		return err
	}
	defer s.close()
	actions, err := s.plan(ctx, flags.prune)
	if err != nil {
		return err
	}
	e.introduce(ctx, s)
	document, err := s.document(ctx, actions)
	if err != nil {
		return err
	}
	refusals, err := e.validate(ctx, s, document, actions)
	if err != nil {
		return err
	}
	if err := e.showPlan(document); err != nil {
		return err
	}
	if refusals != nil {
		return refusals
	}
	if flags.out != "" {
		if err := document.write(flags.out); err != nil {
			return err
		}
	}
	switch {
	case document.pending() == 0:
		e.Say("Next: subscribe-setup status")
		return nil
	case flags.out != "":
		e.Say("Next: subscribe-setup apply %s", flags.out)
	default:
		e.Say("Next: subscribe-setup apply")
	}
	if flags.exitCode {
		return cli.Exit(cli.Pending)
	}
	return nil
}

// introduce says what is talked about, and what of the configuration means
// nothing.
func (e *environment) introduce(ctx context.Context, s *session) {
	if !e.ForPeople() {
		return
	}
	e.Say("Project %s · topic %s · as %s", s.cfg.Project, s.cfg.TopicName(), s.identity())
	spaces, err := s.directory.all(ctx)
	if err != nil {
		return // the resolver has said so, if anybody needed them
	}
	for _, pattern := range s.resolver().Unmatched(spaces) {
		e.Say("Note: %q matches none of the %d spaces", pattern, len(spaces))
	}
}

// planDocument is a plan as it is printed and kept in a file.
type planDocument struct {
	Version int         `json:"version"`
	Project string      `json:"project"`
	Topic   string      `json:"topic"`
	Time    time.Time   `json:"time"` // by Google's clock
	Actions []planRow   `json:"actions"`
	PubSub  []pubsubRow `json:"pubsub,omitempty"` // what differs there, if pubsub.manage is on
	Summary planSummary `json:"summary"`
}

// pending counts what apply would do.
func (d *planDocument) pending() int { return d.Summary.pending() + d.Summary.PubSub }

// planVersion changes when a reader of the last version would misread this.
const planVersion = 1

type planRow struct {
	Action      string             `json:"action"` // create, update, replace, reactivate, keep, orphan or prune
	Scope       string             `json:"scope"`
	DisplayName string             `json:"display_name,omitempty"`
	Reason      string             `json:"reason,omitempty"`
	Desired     *desiredRow        `json:"desired,omitempty"` // not of orphans
	Actual      *subscriptionRow   `json:"actual,omitempty"`  // what there is
	Error       string             `json:"error,omitempty"`   // why Google would refuse it
	kind        subscriptions.Kind // the same as Action
	checked     bool               // Google has been asked
}

type desiredRow struct {
	Topic           string   `json:"topic"`
	EventTypes      []string `json:"event_types"`
	IncludeResource bool     `json:"include_resource"`
}

type planSummary struct {
	Create     int `json:"create"`
	Update     int `json:"update"`
	Replace    int `json:"replace"`
	Reactivate int `json:"reactivate"`
	Delete     int `json:"delete"`
	Orphans    int `json:"orphans"`
	Unchanged  int `json:"unchanged"`
	PubSub     int `json:"pubsub"` // of which apply mends so many
}

func (s *session) document(ctx context.Context, actions []subscriptions.Action) (*planDocument, error) {
	mended, left, err := s.drifts(ctx)
	if err != nil {
		return nil, err
	}
	names, now := s.directory.names(ctx), s.manager.Now()
	d := &planDocument{
		Version: planVersion, Project: s.cfg.Project, Topic: s.cfg.TopicName(),
		Time: now.Truncate(time.Second), Actions: []planRow{}, PubSub: pubsubRows(mended, left), Summary: planSummary{PubSub: len(mended)},
	}
	for _, a := range actions {
		r := planRow{
			Action: string(a.Kind), kind: a.Kind, Scope: a.Desired.Scope,
			DisplayName: names[a.Desired.Scope], Reason: a.Reason,
		}
		if a.Desired.Topic != "" {
			r.Desired = &desiredRow{a.Desired.Topic, a.Desired.EventTypes, a.Desired.IncludeResource}
		}
		if a.Actual != nil {
			row := rowOf("", "", a.Actual, now)
			r.Actual = &row
		}
		d.Actions = append(d.Actions, r)
		d.Summary.count(a.Kind)
	}
	return d, nil
}

func (s *planSummary) count(k subscriptions.Kind) {
	switch k {
	case subscriptions.Create:
		s.Create++
	case subscriptions.Update:
		s.Update++
	case subscriptions.Replace:
		s.Replace++
	case subscriptions.Reactivate:
		s.Reactivate++
	case subscriptions.Prune:
		s.Delete++
	case subscriptions.Orphan:
		s.Orphans++
	default:
		s.Unchanged++
	}
}

func (s planSummary) pending() int { return s.Create + s.Update + s.Replace + s.Reactivate + s.Delete }

func (s planSummary) String() string {
	if s.pending()+s.PubSub+s.Orphans == 0 {
		return fmt.Sprintf("Nothing to do: %s as configured.", subscriptionsAre(s.Unchanged))
	}
	parts := []string{fmt.Sprintf("%d to add", s.Create), fmt.Sprintf("%d to change", s.Update)}
	for _, p := range []struct {
		n    int
		what string
	}{{s.Replace, "to replace"}, {s.Reactivate, "to reactivate"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	parts = append(parts, fmt.Sprintf("%d to delete", s.Delete))
	if s.Orphans > 0 {
		parts = append(parts, fmt.Sprintf("%d not configured and kept", s.Orphans))
	}
	if s.PubSub > 0 {
		parts = append(parts, fmt.Sprintf("%d to mend of Pub/Sub", s.PubSub))
	}
	return fmt.Sprintf("Plan: %s; %d unchanged.", strings.Join(parts, ", "), s.Unchanged)
}

func subscriptionsAre(n int) string {
	if n == 1 {
		return "1 subscription is"
	}
	return fmt.Sprintf("%d subscriptions are", n)
}
