package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Env is the outside world of a command.
type Env struct {
	In          io.Reader
	Out, Err    io.Writer
	Getenv      func(string) string
	Interactive bool // somebody is there to answer
	Redraws     bool // Out is a terminal
	ErrRedraws  bool // Err is one
	Paints      bool // and shows colours
	Wait        func(context.Context, time.Duration) error
	Now         func() time.Time // nil for the real clock

	ConfigPath string // "" for the default; see ConfigFlag
	Format     string // of the result; see FormatFlag
	Quiet      bool   // no [Progress]; see QuietFlag

	lines *bufio.Reader // of In
	drawn *atomic.Bool  // a Progress has drawn a line; nil before the first
}

// ConfigFlag adds --config to a command and those below it.
func (e *Env) ConfigFlag(root *cobra.Command) {
	root.PersistentFlags().StringVar(&e.ConfigPath, "config", "", "configuration file (default spacekeeper.yaml, if it is there)")
}

// Load reads the configuration and checks that it holds what needs say.
func (e *Env) Load(needs ...config.Need) (config.Config, error) {
	return config.Load(e.ConfigPath, e.Getenv, needs...)
}

// Process is the environment of this process.
func Process() Env {
	redraws := isTerminal(os.Stdout)
	return Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Wait: gax.Sleep,
		Interactive: isTerminal(os.Stdin) && isTerminal(os.Stderr), Redraws: redraws, ErrRedraws: isTerminal(os.Stderr),
		Paints: redraws && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

func (e *Env) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// IsTerminal reports whether what is written there is shown on a terminal.
func IsTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && isTerminal(f)
}

// Say writes a message for people, its lines cleaned.
func (e *Env) Say(format string, args ...any) {
	e.erase()
	fmt.Fprintln(e.Err, CleanLines(fmt.Sprintf(format, args...)))
}

// ReadLine returns the next line that somebody types, without space around it.
// It returns io.EOF once there are no more, and the error of ctx as soon as
// that ends.
func (e *Env) ReadLine(ctx context.Context) (string, error) {
	if e.lines == nil {
		e.lines = bufio.NewReader(e.In)
	}
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() { // a read can't be cancelled: it ends with the process, if nobody answers
		text, err := e.lines.ReadString('\n')
		typed <- line{strings.TrimSpace(text), err}
	}()
	select {
	case l := <-typed:
		if errors.Is(l.err, io.EOF) && l.text != "" { // the last line, without an end
			return l.text, nil
		}
		return l.text, l.err
	case <-ctx.Done():
		fmt.Fprintln(e.Err)
		return "", ctx.Err()
	}
}

// Confirm asks a question and reports whether the answer is yes. No answer
// means no.
func (e *Env) Confirm(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(e.Err, CleanLines(question), " [y/N] ")
	line, err := e.ReadLine(ctx)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	line = strings.ToLower(line)
	return err == nil && (line == "y" || line == "yes"), nil
}
