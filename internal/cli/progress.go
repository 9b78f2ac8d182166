package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// How often progress is told: on a terminal in a line that is drawn over; else
// in lines of its own, which become rarer the longer it takes.
const (
	redrawEvery = 200 * time.Millisecond
	tellAtFirst = 5 * time.Second
	tellAtLast  = time.Minute
)

// Progress tells on standard error how far something is that takes long, and how
// long the rest will take. It is silent where a program reads the result, and
// with --quiet. It belongs to one goroutine.
type Progress struct {
	env         *Env
	began, told time.Time
	first       float64 // the share that was done when it began
}

// QuietFlag adds --quiet to a command that has a [Progress].
func (e *Env) QuietFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&e.Quiet, "quiet", false, "don't tell how far it is")
}

// Progress begins to measure, at the first share that is told.
func (e *Env) Progress() *Progress {
	if e.drawn == nil {
		e.drawn = new(atomic.Bool)
	}
	return &Progress{env: e}
}

// Count tells that n of so many are done; what says of what.
func (p *Progress) Count(what string, n, of int) {
	p.tell(float64(n)/float64(max(of, 1)), func() string { return fmt.Sprintf("%s %d of %d", what, n, of) })
}

// Part tells that i of so many are done, and of the next one done parts of its own.
func (p *Progress) Part(what, each string, i, of, done, parts int) {
	share := (float64(i) + float64(done)/float64(max(parts, 1))) / float64(max(of, 1))
	p.tell(share, func() string { return fmt.Sprintf("%s %d of %s", what, i, Count(of, each)) })
}

// Reached tells that the time between from and to is done up to at; what begins
// the line.
func (p *Progress) Reached(what string, from, at, to time.Time) {
	p.tell(float64(at.Sub(from))/float64(max(to.Sub(from), 1)), func() string {
		return fmt.Sprintf("%sup to %s", what, at.UTC().Format(time.DateTime))
	})
}

// tell tells the share that is done, if it is time to.
func (p *Progress) tell(share float64, text func() string) {
	e := p.env
	if e.Quiet || e.Format != "" && !e.ForPeople() {
		return
	}
	now := e.now()
	if p.began.IsZero() {
		p.began, p.told, p.first = now, now, share
		return
	}
	every := redrawEvery
	if !e.ErrRedraws {
		every = min(max(now.Sub(p.began)/20, tellAtFirst), tellAtLast)
	}
	if now.Sub(p.told) < every {
		return
	}
	p.told = now
	line := text() + timeLeft(p.first, share, now.Sub(p.began))
	if !e.ErrRedraws {
		e.Say("%s", line)
		return
	}
	fmt.Fprint(e.Err, "\r", Clean(line), eraseRest)
	e.drawn.Store(true)
}

// End takes away what is drawn.
func (p *Progress) End() { p.env.erase() }

// timeLeft estimates by what was done since the first report; it says nothing
// while that is nothing.
func timeLeft(first, share float64, took time.Duration) string {
	if share <= first || share >= 1 {
		return ""
	}
	estimate := time.Duration(float64(took) * (1 - share) / (share - first))
	return fmt.Sprintf(", about %s left", ShortDuration(estimate))
}

// eraseRest clears a terminal's line from the cursor on.
const eraseRest = "\x1b[K"

// erase clears the line that a [Progress] has drawn, before something else is
// written.
func (e *Env) erase() {
	if e.drawn != nil && e.drawn.Swap(false) {
		fmt.Fprint(e.Err, "\r", eraseRest)
	}
}

// ErrOut is standard error for those who write lines there themselves, such as
// a log.
func (e *Env) ErrOut() io.Writer { return errWriter{e} }

type errWriter struct{ env *Env }

func (w errWriter) Write(text []byte) (int, error) {
	w.env.erase()
	return w.env.Err.Write(text)
}
