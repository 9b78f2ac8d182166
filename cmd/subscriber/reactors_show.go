package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// runDocument is a run as JSON; content is left out unless it was asked for.
type runDocument struct {
	evaluated
	Hash     string                `json:"hash"`
	Trace    []reactors.TraceEntry `json:"trace"`
	Requests []requestDocument     `json:"requests,omitempty"`
	Facts    *reactors.Facts       `json:"facts,omitempty"`
}

type requestDocument struct {
	Action string          `json:"action"`
	Label  string          `json:"label"`
	Done   bool            `json:"done"`
	Result reactors.Result `json:"result,omitzero"`
	Body   json.RawMessage `json:"body,omitempty"`
}

func documentOf(r reactors.Run, content bool) runDocument {
	d := runDocument{evaluated: evaluatedOf(r), Hash: r.Hash, Trace: r.Trace}
	for _, q := range r.Requests {
		one := requestDocument{Action: q.Action, Label: q.Label, Done: q.Done, Result: q.Result}
		if content {
			one.Body = q.Body
		}
		d.Requests = append(d.Requests, one)
	}
	if content {
		d.Facts = &r.Facts
	}
	return d
}

func printRun(env *cli.Env, r reactors.Run, titles names.Titles, content bool) error {
	env.Print("run %d of %s: %s\n", r.ID, named(r.Reactor, r.Step), outcomeText(r.Outcome, r.Shadow, r.Due))
	for _, line := range [][2]string{
		{"reason", r.Reason}, {"trigger", string(r.Trigger)}, {"event", r.EventTime.Format(time.RFC3339)}, {"due", r.Due.Format(time.RFC3339)},
		{"space", titles.With(r.Space)}, {"member", titles.With(r.Member)}, {"subject", r.Subject}, {"rule", "hash " + r.Hash}, {"attempts", fmt.Sprint(r.Attempts)},
	} {
		if line[1] != "" {
			env.Print("  %-9s %s\n", line[0], cli.Clean(line[1]))
		}
	}
	env.Print("what happened\n")
	for _, t := range r.Trace {
		env.Print("  %s  %s\n", t.At.UTC().Format("01-02 15:04:05.000"), cli.Clean(t.What))
	}
	if len(r.Trace) == 0 {
		env.Print("  nothing so far\n")
	}
	if len(r.Requests) > 0 {
		env.Print("what it does\n")
	}
	for i, q := range r.Requests {
		state := "not done"
		if q.Done {
			state = "done"
		}
		if q.Result.Message != "" {
			state += ": " + q.Result.Message
		}
		if q.Result.Note != "" {
			state += " (" + q.Result.Note + ")"
		}
		env.Print("  %d. %s (%s): %s\n", i+1, q.Action, q.Label, state)
		if content {
			preview.PrintContent(env.Out, q.Body)
		}
	}
	if content {
		env.Print("what the event told\n")
		return env.Encode(r.Facts)
	}
	env.Print("Next: --content shows texts, too, --as-test makes a test of it\n")
	return nil
}

// printAsTest prints a test that expects what has become of the run, and of the
// other steps for its subject.
func (e *environment) printAsTest(ctx context.Context, db *runs.Runs, run reactors.Run) error {
	same, err := db.List(ctx, runs.Filter{Reactor: run.Reactor, Space: run.Space, Member: run.Member, Max: 1000})
	if err != nil {
		return err
	}
	text, waiting, err := replay.AsTest(run, same)
	if err != nil {
		return err
	}
	e.Print("# It holds what the event told: take out what nobody else should read.\n")
	e.Print("# State that came of other events has to be added under given.\n")
	if waiting > 0 {
		e.Print("# Steps that still wait: %d. The test plays them, too: add to expect what they should come to.\n", waiting)
	}
	_, err = e.Out.Write(text)
	return err
}
