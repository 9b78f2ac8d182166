// Command subscribe-setup sets up the Workspace Events subscriptions that
// bring Google Chat's events to the worker: it plans, applies, shows and
// repairs them.
//
// It prints data on standard output and everything else on standard error,
// and exits with 0 if all went well, 1 if something failed or is unhealthy, 2
// if plan --detailed-exitcode found changes, 64 if it was called wrongly, 78
// if the configuration has to be changed and 130 if it was interrupted.
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
)

// Exit codes. 64 and 78 are those of sysexits.h, 130 is a shell's for Ctrl-C.
const (
	exitOK          = 0
	exitFailed      = 1
	exitPending     = 2
	exitUsage       = 64
	exitConfig      = 78
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	std := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	std.asks = isTerminal(os.Stdin) && isTerminal(os.Stderr)
	std.redraws = isTerminal(os.Stdout)
	std.paints = std.redraws && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	os.Exit(run(ctx, os.Args[1:], os.Getenv, std))
}

// streams are the command's ends of the outside world.
type streams struct {
	in       io.Reader
	out, err io.Writer
	asks     bool // somebody is there to answer
	redraws  bool // out is a terminal
	paints   bool // and shows colours
}

// run is the whole command but for the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, std streams) int {
	env := &environment{streams: std, getenv: getenv}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if code == exitFailed && ctx.Err() != nil {
		code = exitInterrupted
	}
	switch code {
	case exitOK, exitPending:
	case exitConfig: // its lines begin with their place in the file
		fmt.Fprintln(std.err, err)
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if line != "" {
				fmt.Fprintln(std.err, "subscribe-setup:", line)
			}
		}
	}
	return code
}

// errPending only says how to exit: what there is to say has been printed.
var errPending = errors.New("there are changes to apply")

func exitCode(err error) int {
	var usage *usageError
	var cfg *config.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errPending):
		return exitPending
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &cfg):
		return exitConfig
	default:
		return exitFailed
	}
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "subscribe-setup",
		Short:         "Set up the Workspace Events subscriptions of your Google Chat spaces",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return env.checkFormat()
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(env.err, cmd.UsageString())
			return &usageError{errors.New("name a command")}
		},
	}
	root.PersistentFlags().StringVar(&env.configPath, "config", "", "configuration file (default spacekeeper.yaml, if it is there)")
	root.PersistentFlags().StringVarP(&env.format, "output", "o", formatTable, "table, wide, json, yaml or name")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	if err := root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is there: it was defined above
	}
	root.AddCommand(
		newPlan(env), newApply(env), newList(env), newRenew(env), newReactivate(env), newDelete(env),
		newSpaces(env), newVersion(env),
	)
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
