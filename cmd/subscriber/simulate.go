package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func newSimulate(env *environment) *cobra.Command {
	var o simulate.Options
	var rate float64
	o.Addrs = simulate.Addrs{Chat: "127.0.0.1:8811", WorkspaceEvents: "127.0.0.1:8812", PubSub: "127.0.0.1:8813"}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Serve a simulated Google Workspace on fixed ports",
		Long: `Simulate serves the Chat API, the Workspace Events API and Pub/Sub of a simulated
Google Workspace, with people who talk, until it is interrupted. Point
subscribe-setup, subscriber run or a client of your own at it with the
environment variables that it prints.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(rate); err != nil {
				return cli.WrongUse(err)
			}
			return runSimulate(cmd.Context(), env, o, rate)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Addrs.Chat, "chat-addr", o.Addrs.Chat, "address of the Chat API")
	f.StringVar(&o.Addrs.WorkspaceEvents, "workspace-events-addr", o.Addrs.WorkspaceEvents, "address of the Workspace Events API")
	f.StringVar(&o.Addrs.PubSub, "pubsub-addr", o.Addrs.PubSub, "address of Pub/Sub")
	f.IntVar(&o.Spaces, "spaces", 3, "number of spaces")
	f.IntVar(&o.Users, "people", 20, "number of people")
	f.Uint64Var(&o.Seed, "seed", 1, "what people do follows from it")
	f.Float64Var(&rate, "rate", 1, "changes a second; 0 for a silent Workspace")
	return cmd
}

func runSimulate(ctx context.Context, env *environment, o simulate.Options, rate float64) (err error) {
	ws, err := simulate.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ws.Close()) }()
	topic, subscription, err := ws.CreateTopic(ctx, "chat-events", "spacekeeper")
	if err != nil {
		return err
	}
	var spaces []string
	for _, s := range ws.Spaces() {
		spaces = append(spaces, s.Name)
	}
	env.Print(`export SPACEKEEPER_CHAT_ENDPOINT=%s
export SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT=%s
export PUBSUB_EMULATOR_HOST=%s
export SPACEKEEPER_PROJECT=%s
export SPACEKEEPER_PUBSUB_TOPIC=%s
export SPACEKEEPER_PUBSUB_SUBSCRIPTION=%s
export SPACEKEEPER_WORKSPACE_SPACES=%s
`, ws.ChatEndpoint(), ws.WorkspaceEventsEndpoint(), ws.PubSubAddr(), ws.Project(), topic, subscription, strings.Join(spaces, ","))
	fmt.Fprintln(env.Err, "serving until interrupted; nothing is delivered before subscribe-setup apply")
	if rate == 0 {
		<-ctx.Done()
		return nil
	}
	return ws.Run(ctx, simulate.Activity{Rate: rate})
}
