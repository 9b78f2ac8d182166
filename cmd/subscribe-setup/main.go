// Command subscribe-setup creates, shows and deletes the Workspace Events
// subscriptions that bring Google Chat's events to the worker.
//
// It prints data on standard output and everything else on standard error,
// and exits with 0 if all went well, 1 if something failed, 64 if it was
// called wrongly and 78 if the configuration has to be changed.
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
	"github.com/spacekeeper/spacekeeper/internal/logging"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Exit codes. 64 and 78 are those of sysexits.h.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
	exitConfig = 78
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
	code := exitCode(err)
	switch code {
	case exitOK:
	case exitConfig: // its lines begin with their place in the file
		fmt.Fprintln(stderr, err)
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(stderr, "subscribe-setup:", line)
		}
	}
	return code
}

func exitCode(err error) int {
	var usage *usageError
	var cfg *config.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &cfg):
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
	format         string
}

// open reads the configuration and opens the Workspace Events API.
func (e *environment) open(ctx context.Context, needs ...config.Need) (config.Config, *subscriptions.Manager, error) {
	cfg, err := config.Load(e.configPath, e.getenv, needs...)
	if err != nil {
		return config.Config{}, nil, err
	}
	log, err := logging.New("warn", "console", e.stderr)
	if err != nil {
		return config.Config{}, nil, err
	}
	manager, err := subscriptions.New(ctx, subscriptions.Options{Endpoint: cfg.Endpoints.WorkspaceEvents, Log: log})
	return cfg, manager, err
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "subscribe-setup",
		Short:         "Set up the Workspace Events subscriptions of your Google Chat spaces",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if env.format != formatTable && env.format != formatJSON {
				return &usageError{fmt.Errorf("-o %s is neither table nor json", env.format)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(env.stderr, cmd.UsageString())
			return &usageError{errors.New("name a command")}
		},
	}
	root.PersistentFlags().StringVar(&env.configPath, "config", "", "configuration file (default spacekeeper.yaml, if it is there)")
	root.PersistentFlags().StringVarP(&env.format, "output", "o", formatTable, "table or json")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newApply(env), newList(env), newDelete(env), newVersion(env))
	return root
}

type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() + " (see --help)" }
func (e *usageError) Unwrap() error { return e.err }

// usageArgs makes a complaint about arguments one about the usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
