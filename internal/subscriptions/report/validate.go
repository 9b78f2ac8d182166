package report

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Validated says how many changes Google has been asked about, of those that it
// can judge beforehand.
type Validated struct {
	Done int `json:"done"`
	Of   int `json:"of"`
}

// Sample is how many changes Google is asked about.
type Sample int

// All and None of the changes are validated.
const (
	All  Sample = -1
	None Sample = 0
)

// saveEvery is how many answers of Google's are kept at once: those of a minute.
const saveEvery = 100

// Validate asks Google about the changes, or a sample of them, and returns what
// it would refuse. What it has agreed to before, by the plan in the file, it isn't
// asked again. The plan is kept in the file meanwhile, if there is one ("" for
// none), so that an interruption loses little. Google can't be asked before there
// is a topic.
func (d *Plan) Validate(
	ctx context.Context, e *cli.Env, manager *subscriptions.Manager, actions []subscriptions.Action, sample Sample, file string,
) (refusals, err error) {
	changes := d.changes()
	d.Validated.Of = len(changes)
	if d.lacksTopic() || sample == None {
		return nil, nil
	}
	changes = sample.of(d.Actions, changes)
	if known := d.resume(file, actions, changes); known > 0 {
		e.Say("Going on with %s: Google has agreed to %d of %d changes", file, known, len(changes))
		changes = slices.DeleteFunc(changes, func(i int) bool { return d.Actions[i].Validated })
	}
	if took := subscriptions.TakesAbout(len(changes)); took > time.Minute {
		e.Say("Google validates %d changes, which takes about %s at its quota; --validate-sample asks about a few, --no-validate about none",
			len(changes), cli.ShortDuration(took))
	}
	ask := make([]subscriptions.Action, len(changes))
	for n, i := range changes {
		ask[n] = actions[i]
	}
	progress := e.Progress()
	defer progress.End()
	var failures []error
	next, asked := 0, 0
	progress.Count("validated", asked, len(ask))
	for v := range manager.ValidateAll(ctx, ask) {
		row := &d.Actions[changes[next]]
		next++
		if ctx.Err() != nil && v.Err != nil {
			continue // it wasn't answered
		}
		asked++
		row.Validated = true
		d.Validated.Done++
		if v.Err != nil {
			row.Error = v.Err.Error()
			failures = append(failures, v.Err)
		}
		progress.Count("validated", asked, len(ask))
		if asked%saveEvery == 0 {
			if err := d.keep(file); err != nil {
				return nil, err
			}
		}
	}
	if ctx.Err() == nil && failures == nil {
		return nil, nil
	}
	if err := d.keep(file); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		again := "plan --out FILE would go on where it was"
		if file != "" {
			again = "plan --out " + file + " goes on"
		}
		return nil, fmt.Errorf("validate %d changes: %w after %d; %s", len(ask), err, asked, again)
	}
	return Join(failures), nil
}

// keep writes a plan that isn't finished, if there is a file for it.
func (d *Plan) keep(file string) error {
	if file == "" {
		return nil
	}
	d.Unfinished = true
	defer func() { d.Unfinished = false }()
	return d.Write(file)
}

// changes are the places of the actions that Google can judge beforehand.
func (d *Plan) changes() (places []int) {
	for i := range d.Actions {
		switch d.Actions[i].kind {
		case subscriptions.Create, subscriptions.Update, subscriptions.Replace:
			places = append(places, i)
		}
	}
	return places
}

// of picks the sample: always the same of the same changes, whatever their order.
func (n Sample) of(rows []PlanRow, changes []int) []int {
	if n == All || int(n) >= len(changes) {
		return changes
	}
	lot := func(i int) [sha256.Size]byte { return sha256.Sum256([]byte(rows[i].Scope)) }
	picked := slices.Clone(changes)
	slices.SortFunc(picked, func(a, b int) int {
		x, y := lot(a), lot(b)
		return slices.Compare(x[:], y[:])
	})
	picked = picked[:n]
	slices.SortFunc(picked, cmp.Compare[int])
	return picked
}

// worthOneDay is how long Google's word is taken for a plan that is gone on with.
const worthOneDay = 24 * time.Hour

// resume takes over what Google has agreed to by an unfinished plan in the file,
// where the change is still the same, and returns of how many.
func (d *Plan) resume(file string, actions []subscriptions.Action, changes []int) int {
	if file == "" {
		return 0
	}
	before, err := readPlan(file) // whatever else is there is written over
	if err != nil || !before.Unfinished || before.Topic != d.Topic || d.Time.Sub(before.Time) > worthOneDay {
		return 0
	}
	agreed := make(map[string]*PlanRow, len(before.Actions))
	for i := range before.Actions {
		if r := &before.Actions[i]; r.Validated && r.Error == "" {
			agreed[r.Scope] = r
		}
	}
	for _, i := range changes {
		a := actions[i]
		if r := agreed[a.Desired.Scope]; r != nil && r.Action == string(a.Kind) && r.wants(a.Desired) && r.sees(a.Actual) {
			d.Actions[i].Validated = true
			d.Validated.Done++
		}
	}
	return d.Validated.Done
}

// lacksTopic reports whether apply has to make the topic first.
func (d *Plan) lacksTopic() bool {
	return slices.ContainsFunc(d.PubSub, func(r PubSubRow) bool { return r.Resource == d.Topic && r.missing })
}
