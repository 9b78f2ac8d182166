// Command subscriber is the long-running worker and its day-2 commands: it
// pulls Google Chat events from Pub/Sub, records them in Postgres and lets
// reactors act on them.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // an empty image has no certificates of authorities

	"github.com/spacekeeper/spacekeeper/internal/audit"
	"github.com/spacekeeper/spacekeeper/internal/audit/received"
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
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// environment carries the commands' methods.
type environment struct {
	cli.Env
	ruleFile string // of --file; "": the configured one
}

// run is the whole command but for the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	env := &environment{Env: cli.Env{Getenv: getenv, Out: stdout, Err: stderr, ErrRedraws: cli.IsTerminal(stderr)}}
	return env.Run(ctx, newRoot(env), args, store.Misconfigured)
}

func newRoot(env *environment) *cobra.Command {
	root := env.Group(&cobra.Command{Use: "subscriber", Short: "Record what happens in Google Chat spaces, and act on it"},
		newRun(env),
		newDemo(env),
		newSimulate(env),
		newBackfill(env),
		newReconcileMembers(env),
		newGaps(env),
		newReactors(env),
		received.NewCommand(&env.Env, env.withLog, resolveSpace),
		newTail(env),
		newStats(env),
		newAnalytics(env),
		audit.NewCommand(&env.Env, env.withNumbers),
		audit.NewEraseCommand(&env.Env, env.withNumbers),
		newQuarantine(env),
		newProjections(env),
		newMigrate(env),
		newDatabase(env),
		newHealthcheck(env),
		env.VersionCommand(),
	)
	env.ConfigFlag(root)
	return root
}
