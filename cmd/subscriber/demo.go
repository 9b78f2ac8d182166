package main

import (
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/demo"
)

func newDemo(env *environment) *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch the real worker record a simulated Google Workspace",
		Long: `Demo needs no Google account. It starts a private Postgres and a simulated Google
Workspace, subscribes to its spaces with the code of subscribe-setup, runs the
worker of "subscriber run", and lets people talk, join and leave. Meanwhile a
subscription is suspended, and the worker stays away until all have expired: it
finds out what it has missed, and fetches it.

With --for it ends by itself: people fall silent shortly before, so that rules can
finish what they have begun. Then it compares what was published with what was
recorded and who joined with who was welcomed, prints the table, and exits 1 if
anything differs. --sabotage shows that the comparison can fail.

With --history 90d weeks of a past come first, so that numbers have something to
show: working days and weekends, people who come and go, conversations with and
without answers, and two days that are lost. What happens in the demo goes on with
the same people. None of the demo's rules is asked about the past.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return cli.WrongUse(err)
			}
			return demo.Run(cmd.Context(), o, env.Out, env.Err)
		},
	}
	f := cmd.Flags()
	cli.DurationFlag(f, &o.Length, "for", 0, "end after this long and reconcile (default: until Ctrl-C)", nil)
	f.Float64Var(&o.Rate, "rate", 5, "changes a second")
	f.IntVar(&o.Spaces, "spaces", 5, "number of spaces")
	f.Uint64Var(&o.Seed, "seed", 1, "what people do follows from it; on a kept database, seeds that it has seen are passed over")
	f.StringVar(&o.DataDir, "data-dir", "", "keep the database in this folder (default: a temporary one)")
	cli.DurationFlag(f, &o.History, "history", 0, "record so much of a past first, such as 90d (default: none)", nil)
	f.BoolVar(&o.Quiet, "quiet", false, "no line per event")
	f.StringVar(&o.Sabotage, "sabotage", "", "break it on purpose: drop-event or double-welcome")
	return cmd
}
