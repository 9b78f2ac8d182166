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
	"time"

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
	std := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, wait: wait}
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
	wait     func(context.Context, time.Duration) error
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
		if err.Error() != "" {
			fmt.Fprintln(std.err, err)
		}
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if line != "" {
				fmt.Fprintln(std.err, "subscribe-setup:", line)
			}
		}
	}
	return code
}

// Errors that only say how to exit: what there is to say has been printed.
var (
	errPending = errors.New("there are changes to apply")
	errSilent  = errors.New("")

	errConfigShown = errors.New("")
)

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
	case errors.As(err, &cfg), errors.Is(err, errConfigShown):
		return exitConfig
	default:
		return exitFailed
	}
}
