// Command subscribe-setup sets up the Workspace Events subscriptions that
// bring Google Chat's events to the worker: it plans, applies, shows and
// repairs them.
//
// It prints data on standard output and everything else on standard error,
// and exits with 0 if all went well, 1 if something failed or is unhealthy, 2
// if plan --detailed-exitcode found changes, 64 if it was called wrongly, 78
// if the configuration or the database's schema has to be changed and 130 if it was interrupted.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // an empty image has no certificates of authorities

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

func main() {
	if code, helped := wasm.Help(os.Args, os.Stdin, os.Stdout); helped {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], cli.Process()))
}

// environment carries the commands' methods.
type environment struct{ cli.Env }

// run is the whole command but for the process around it.
func run(ctx context.Context, args []string, outside cli.Env) int {
	env := &environment{outside}
	code := env.Run(ctx, newRoot(env), args, store.Misconfigured)
	if code == cli.Failed && ctx.Err() != nil {
		return cli.Interrupted
	}
	return code
}

func newRoot(env *environment) *cobra.Command {
	root := env.Group(&cobra.Command{
		Use:   "subscribe-setup",
		Short: "Set up the Workspace Events subscriptions of your Google Chat spaces",
		Long: `Set up the Workspace Events subscriptions of your Google Chat spaces: plan what
the configuration asks for, apply it, and see that everything is watched. The
worker, subscriber run, keeps them alive.

Exit codes: 0 all went well, 1 something failed or is unhealthy, 2 there is
something to apply (plan --detailed-exitcode), 64 called wrongly, 78 the
configuration or the database's schema has to be changed, 130 interrupted.`,
	},
		newInit(env), newPlan(env), newApply(env), newList(env), newRenew(env), newReactivate(env), newDelete(env),
		newStatus(env), newDoctor(env), newSpaces(env), env.VersionCommand(),
	)
	env.ConfigFlag(root)
	env.FormatFlag(root, root.PersistentFlags(), cli.Formats()...)
	return root
}
