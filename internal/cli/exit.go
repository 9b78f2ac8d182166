package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Exit codes. Misused and Misconfigured are those of sysexits.h, Interrupted
// is a shell's for Ctrl-C.
const (
	OK            = 0
	Failed        = 1
	Pending       = 2 // there are changes to apply
	Misused       = 64
	Misconfigured = 78 // the configuration or the database's schema has to be changed first
	Interrupted   = 130
)

// Exit is an error that only says how to exit: everything has been printed.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Logged marks an error that the log has told already: it isn't printed again.
func Logged(err error) error { return &loggedError{err} }

type loggedError struct{ error }

func (e *loggedError) Unwrap() error { return e.error }

type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() + " (see --help)" }
func (e *usageError) Unwrap() error { return e.err }

// Usage makes an error that tells the caller to call the command otherwise.
func Usage(format string, args ...any) error { return WrongUse(fmt.Errorf(format, args...)) }

// WrongUse is [Usage] for an error that there is already; nil stays nil.
func WrongUse(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

type configurationError struct{ error }

func (e *configurationError) Unwrap() error { return e.error }

// WrongConfiguration makes an error one of the configuration, where only the
// command shows that something is missing there.
func WrongConfiguration(format string, args ...any) error {
	return &configurationError{fmt.Errorf(format, args...)}
}

// Run carries out the command that args name, prints its error and returns the
// exit code. A command without an Args takes no arguments. A wrong configuration
// exits with [Misconfigured], and so does each error that alike tells; nil tells
// none.
func (e *Env) Run(ctx context.Context, root *cobra.Command, args []string, alike func(error) bool) int {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.Version = Version()
	root.SetArgs(args)
	root.SetIn(e.In)
	root.SetOut(e.Out)
	root.SetErr(e.Err)
	finish(e, root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return OK
	}
	var exit Exit
	if errors.As(err, &exit) {
		return int(exit)
	}
	var logged *loggedError
	told := errors.As(err, &logged)
	if cause := cutOff(err); ctx.Err() != nil && cause != nil && !told {
		e.complain(root.Name(), errors.New(strings.ReplaceAll(err.Error(), cause.Error(), "interrupted")))
		return Interrupted
	}
	if !told {
		e.complain(root.Name(), err)
	}
	var usage *usageError
	var wrong *config.Error
	var lacking *configurationError
	switch {
	case errors.As(err, &usage):
		return Misused
	case errors.As(err, &wrong), errors.As(err, &lacking), alike != nil && alike(err):
		return Misconfigured
	}
	return Failed
}

// cutOff is the error of the call that Ctrl-C cut off, in a library's words: of a
// context's end, or of Postgres, which was told to cancel a statement.
func cutOff(err error) error {
	var answer interface {
		error
		SQLState() string
	}
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &answer) && answer.SQLState() == "57014": // query_canceled
		return answer
	}
	return nil
}

// complain prints an error. Every line says who speaks, unless it begins with
// its place in the configuration file.
func (e *Env) complain(name string, err error) {
	var wrong *config.Error
	if errors.As(err, &wrong) {
		e.Say("%v", err)
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line != "" {
			e.Say("%s: %s", name, line)
		}
	}
}

// Group makes a command that only holds others: called by itself, it shows them.
func (e *Env) Group(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		fmt.Fprint(e.Err, cmd.UsageString())
		return Usage("name a command")
	}
	cmd.Args = nil
	cmd.AddCommand(children...)
	return cmd
}
