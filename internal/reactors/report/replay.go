package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
)

// maxShown bounds a table, if nobody says otherwise.
const maxShown = 200

// Shown are the entries of a replay that somebody wants to see.
type Shown struct {
	Outcome reactors.Outcome // "": in a table those that would be sent, in a document all
	Limit   int              // 0: of a table 200, of a document all
}

// Replay prints a replay: what would be sent, and then how often each rule came to
// which outcome.
func Replay(env *cli.Env, r *replay.Result, s Shown, titlesOf preview.TitlesOf) error {
	var entries []replay.Entry
	for _, e := range r.Entries {
		if s.Outcome == "" && env.Format != cli.Table || e.Outcome == cmp.Or(s.Outcome, reactors.Sent) {
			entries = append(entries, e)
		}
	}
	if env.Format != cli.Table {
		if s.Limit > 0 {
			entries = entries[:min(len(entries), s.Limit)]
		}
		return env.Encode(replay.Result{Rules: r.Rules, Entries: append([]replay.Entry{}, entries...)})
	}
	list := entries[:min(len(entries), cmp.Or(s.Limit, maxShown))]
	if len(list) > 0 {
		titles := titlesOf(about(list)...)
		var rows [][]string
		for i := range list {
			e := &list[i]
			rows = append(rows, []string{
				clockTime(timeOf(e)), ruleAndStep(e.Reactor, e.Step), titles.With(e.Space), titles.With(e.Member), resultOf(e), textOf(e, titles),
			})
		}
		if err := env.Rows([]string{"TIME", "REACTOR", "SPACE", "MEMBER", "RESULT", "TEXT OR REASON"}, rows); err != nil {
			return err
		}
	}
	sayMore(env, len(entries)-len(list))
	counts := map[reactors.Outcome]int{}
	for _, rule := range r.Rules {
		env.Print("%s: %s · %d would be sent%s\n", rule.Reactor,
			cli.Count(rule.Pulled, "trigger"), rule.Outcomes[reactors.Sent], otherOutcomes(rule))
		for o, n := range rule.Outcomes {
			counts[o] += n
		}
	}
	env.Print("nothing was sent\n")
	if next := first(counts); next != "" && s.Outcome == "" {
		env.Print("Next: --outcome %s shows when and why\n", string(next))
	}
	return nil
}

// first is the outcome that somebody should look at first, of those that send
// nothing: what has failed, what isn't known. "": there is none.
func first(counts map[reactors.Outcome]int) reactors.Outcome {
	for _, o := range append([]reactors.Outcome{reactors.Failed, reactors.Unclear}, reactors.Outcomes()...) {
		if o != reactors.Sent && counts[o] > 0 {
			return o
		}
	}
	return ""
}

// sayMore says how many lines there are besides.
func sayMore(env *cli.Env, more int) {
	if more > 0 {
		env.Print("… and %d more: --limit shows more, -o json all\n", more)
	}
}

// about are the texts that name the resources which entries are about.
func about(list []replay.Entry) (texts []string) {
	for i := range list {
		texts = append(texts, list[i].Space, list[i].Member, list[i].Reason)
		for _, r := range list[i].Requests {
			texts = append(texts, replay.TextOf(r), r.Effect)
		}
	}
	return texts
}

func otherOutcomes(s replay.Summary) string {
	var b strings.Builder
	for _, o := range reactors.Outcomes() {
		if n := s.Outcomes[o]; n > 0 && o != reactors.Sent {
			fmt.Fprintf(&b, " · %d %s", n, o)
		}
	}
	return b.String()
}

// timeOf is when something was done, or, of what waits, when its event was.
func timeOf(e *replay.Entry) time.Time {
	if e.Outcome == reactors.Pending {
		return e.EventTime
	}
	return e.At
}

// resultOf says what was done, or why nothing was.
func resultOf(e *replay.Entry) string {
	switch e.Outcome {
	case reactors.Sent:
		var actions []string
		for _, r := range e.Requests {
			actions = append(actions, r.Action)
		}
		return "would " + strings.Join(actions, ", ")
	case reactors.Pending:
		return "waits until " + clockTime(e.Due)
	}
	return string(e.Outcome)
}

// textOf is what would be said, or else done; or why nothing was, in full.
func textOf(e *replay.Entry, titles preview.Titles) string {
	if e.Outcome != reactors.Sent {
		return titles.In(e.Reason)
	}
	var said []string
	for _, r := range e.Requests {
		said = append(said, titles.In(cmp.Or(replay.TextOf(r), r.Effect)))
	}
	return cli.Shorten(strings.Join(said, " | "), maxText)
}

// Differences prints what one file of rules would send and another not.
func Differences(env *cli.Env, list []replay.Difference, limit int, titlesOf preview.TitlesOf) error {
	if env.Format != cli.Table {
		if limit > 0 {
			list = list[:min(len(list), limit)]
		}
		return env.Encode(list)
	}
	counts := map[replay.DifferenceKind]int{}
	for i := range list {
		counts[list[i].Kind]++
	}
	shown := list[:min(len(list), cmp.Or(limit, maxShown))]
	var entries []replay.Entry
	for i := range shown {
		for _, e := range []*replay.Entry{shown[i].Before, shown[i].After} {
			if e != nil {
				entries = append(entries, *e)
			}
		}
	}
	titles := titlesOf(about(entries)...)
	var rows [][]string
	for i := range shown {
		d := &shown[i]
		e := d.Entry()
		text := textOf(e, titles)
		if d.Kind == replay.Changed && textOf(d.Before, titles) != text {
			text = textOf(d.Before, titles) + " → " + text
		}
		sign := map[replay.DifferenceKind]string{replay.Added: "+", replay.Removed: "-", replay.Changed: "~"}[d.Kind]
		rows = append(rows, []string{sign, clockTime(e.At), ruleAndStep(e.Reactor, e.Step), titles.With(e.Space), titles.With(e.Member), text})
	}
	env.Print("+%s, -%s, %d changed\n",
		cli.Count(counts[replay.Added], "send"), cli.Count(counts[replay.Removed], "send"), counts[replay.Changed])
	if len(rows) > 0 {
		if err := env.Rows([]string{"", "TIME", "REACTOR", "SPACE", "MEMBER", "TEXT"}, rows); err != nil {
			return err
		}
	}
	sayMore(env, len(list)-len(shown))
	env.Print("nothing was sent\n")
	return nil
}

// Cases prints how a file's own tests came out, and returns how many failed.
func Cases(env *cli.Env, results []replay.CaseResult) (failed int) {
	for i := range results {
		c := &results[i]
		if c.Passed() {
			env.Print("PASS  %s: %s\n", c.Test.Reactor, c.Test.Name)
			continue
		}
		failed++
		env.Print("FAIL  %s: %s (line %d)\n", c.Test.Reactor, c.Test.Name, c.Test.Line)
		for _, p := range c.Mismatches {
			env.Print("      %s\n", strings.ReplaceAll(p, "\n", "\n      "))
		}
		env.Print("      what happened:\n")
		for _, line := range c.Story() {
			env.Print("        %s\n", cli.Clean(line))
		}
		if len(c.Entries) == 0 {
			env.Print("        nothing: no event pulled a trigger of the reactor\n")
		}
	}
	return failed
}
