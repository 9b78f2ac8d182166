package report

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
)

// Evaluated is a run, or an evaluation that led to none.
type Evaluated struct {
	Run       int64            `json:"run,omitempty"` // 0: there was none
	EventTime time.Time        `json:"event_time"`
	Reactor   string           `json:"reactor"`
	Step      int              `json:"step"`
	Trigger   reactors.Trigger `json:"trigger"`
	Space     string           `json:"space,omitempty"`
	Member    string           `json:"member,omitempty"`
	Subject   string           `json:"subject"`
	Shadow    bool             `json:"shadow,omitempty"`
	Due       time.Time        `json:"due,omitzero"`
	Outcome   reactors.Outcome `json:"outcome"`
	Reason    string           `json:"reason,omitempty"`
	Attempts  int              `json:"attempts,omitempty"`
}

// EvaluatedOf is a run.
func EvaluatedOf(r reactors.Run) Evaluated {
	return Evaluated{
		Run: r.ID, EventTime: r.EventTime, Reactor: r.Reactor, Step: r.Step, Trigger: r.Trigger, Space: r.Space, Member: r.Member,
		Subject: r.Subject, Shadow: r.Shadow, Due: r.Due, Outcome: r.Outcome, Reason: r.Reason, Attempts: r.Attempts,
	}
}

// Runs prints what rules decided.
func Runs(env *cli.Env, list []Evaluated, titlesOf preview.TitlesOf) error {
	if env.Format != cli.Table {
		return env.Encode(list)
	}
	if len(list) == 0 {
		env.Print("there are none\n")
		return nil
	}
	var named []string
	for i := range list {
		named = append(named, list[i].Space, list[i].Member, list[i].Reason)
	}
	titles := titlesOf(named...)
	var rows [][]string
	withRun := int64(0)
	for i := range list {
		e := &list[i]
		number := ""
		if e.Run > 0 {
			number = fmt.Sprint(e.Run)
			withRun = max(withRun, e.Run)
		}
		rows = append(rows, []string{
			number, clockTime(e.EventTime), ruleAndStep(e.Reactor, e.Step), titles.With(e.Space), titles.With(e.Member),
			OutcomeText(e.Outcome, e.Shadow, e.Due), cli.Shorten(titles.In(e.Reason), maxText),
		})
	}
	if err := env.Rows([]string{"RUN", "EVENT", "REACTOR", "SPACE", "MEMBER", "OUTCOME", "REASON"}, rows); err != nil {
		return err
	}
	if withRun > 0 {
		env.Print("Next: subscriber reactors runs show %d\n", withRun)
	}
	return nil
}

// runDocument is a run as JSON; content is left out unless it was asked for.
type runDocument struct {
	Evaluated
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
	d := runDocument{Evaluated: EvaluatedOf(r), Hash: r.Hash, Trace: r.Trace}
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

// Run prints the story of a run; with content also what its event told and what it
// sends.
func Run(env *cli.Env, r reactors.Run, content bool, titlesOf preview.TitlesOf) error {
	if env.Format != cli.Table {
		return env.Encode(documentOf(r, content))
	}
	named := []string{r.Space, r.Member, r.Reason, r.Subject}
	for _, t := range r.Trace {
		named = append(named, t.What)
	}
	if content {
		for _, q := range r.Requests {
			named = append(named, preview.Lines(q.Body)...)
		}
	}
	titles := titlesOf(named...)
	env.Print("run %d of %s: %s\n", r.ID, ruleAndStep(r.Reactor, r.Step), OutcomeText(r.Outcome, r.Shadow, r.Due))
	for _, line := range [][2]string{
		{"reason", titles.In(r.Reason)}, {"trigger", string(r.Trigger)},
		{"event", r.EventTime.Format(time.RFC3339)}, {"due", r.Due.Format(time.RFC3339)},
		{"space", titles.With(r.Space)}, {"member", titles.With(r.Member)}, {"subject", titles.In(r.Subject)},
		{"rule", "hash " + r.Hash},
	} {
		if line[1] != "" {
			env.Print("  %-9s %s\n", line[0], cli.Clean(line[1]))
		}
	}
	env.Print("what happened\n")
	for _, t := range r.Trace {
		env.Print("  %s  %s\n", t.At.UTC().Format("01-02 15:04:05.000"), cli.Clean(titles.In(t.What)))
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
		if q.Tries > 0 {
			state += ", tried in vain " + cli.Count(q.Tries, "time")
		}
		env.Print("  %d. %s (%s): %s\n", i+1, q.Action, q.Label, state)
		if content {
			preview.PrintContent(env.Out, q.Body, titles)
		}
	}
	if content {
		env.Print("what the event told\n")
		return env.Encode(r.Facts)
	}
	env.Print("Next: --content shows texts, too, --as-test makes a test of it\n")
	return nil
}

// AsTest prints a test that expects what has become of a run, see [replay.AsTest].
func AsTest(env *cli.Env, run reactors.Run, known reactors.Facts, same []reactors.Run) error {
	text, waiting, err := replay.AsTest(run, known, same)
	if err != nil {
		return err
	}
	env.Print("# It holds what the event told: take out what nobody else should read.\n")
	env.Print("# State that came of other events has to be added under given.\n")
	if waiting > 0 {
		env.Print("# Steps that still wait: %d. The test plays them, too: add to expect what they should come to.\n", waiting)
	}
	_, err = env.Out.Write(text)
	return err
}
