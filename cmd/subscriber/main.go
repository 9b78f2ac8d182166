// Command subscriber is the long-running worker and its day-2 commands: it
// pulls Google Chat events from Pub/Sub, records them in Postgres and lets
// reactors act on them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Exit codes. 64 and 78 are those of sysexits.h.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
	exitConfig = 78 // the configuration or the database's schema has to be changed first
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the whole command but for the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	env := &environment{getenv: getenv, stdout: stdout, stderr: stderr}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	complain(stderr, err)
	return exitCode(err)
}

// complain prints an error. Every line says who speaks, unless it begins with
// its place in the configuration file.
func complain(stderr io.Writer, err error) {
	var cfg *config.Error
	switch {
	case err == nil:
	case errors.As(err, &cfg):
		fmt.Fprintln(stderr, err)
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(stderr, "subscriber:", line)
		}
	}
}

func exitCode(err error) int {
	var usage *usageError
	var cfg *config.Error
	var schema *store.SchemaError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &cfg), errors.As(err, &schema):
		return exitConfig
	default:
		return exitFailed
	}
}

// environment is what the commands have of the outside world.
type environment struct {
	getenv         func(string) string
	stdout, stderr io.Writer
	configPath     string
}

// load reads the configuration for what needs says.
func (e *environment) load(needs ...config.Need) (config.Config, error) {
	return config.Load(e.configPath, e.getenv, needs...)
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "subscriber",
		Short:         "Record what happens in Google Chat spaces, and act on it",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(env.stderr, cmd.UsageString())
			return &usageError{errors.New("name a command")}
		},
	}
	root.PersistentFlags().StringVar(&env.configPath, "config", "", "configuration file (default spacekeeper.yaml, if it is there)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(
		newRun(env),
		newDemo(env),
		newSimulate(env),
		newBackfill(env),
		newReconcileMembers(env),
		newReactors(env),
		newMigrate(env),
		newHealthcheck(env),
		newVersion(env),
	)
	for _, c := range root.Commands() {
		if c.Args == nil {
			c.Args = noArgs
		}
	}
	return root
}

type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() + " (see --help)" }
func (e *usageError) Unwrap() error { return e.err }

func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return &usageError{err}
	}
	return nil
}
