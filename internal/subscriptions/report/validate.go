package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Validate asks Google about each action, and returns what it would refuse. It
// can't be asked before there is a topic.
func (d *Plan) Validate(
	ctx context.Context, e *cli.Env, manager *subscriptions.Manager, actions []subscriptions.Action,
) (refusals, err error) {
	if d.lacksTopic() {
		return nil, nil
	}
	changes := d.Summary.Create + d.Summary.Update + d.Summary.Replace
	if took := subscriptions.TakesAbout(changes); took > time.Minute {
		e.Say("Google validates %d changes, which takes about %s at its quota", changes, cli.ShortDuration(took))
	}
	var failures []error
	checked, asked := 0, 0
	for v := range manager.ValidateAll(ctx, actions) {
		row := &d.Actions[checked]
		checked++
		row.checked = true
		if v.Err != nil {
			row.Error = v.Err.Error()
			failures = append(failures, v.Err)
		}
		if v.Action.Kind.Mutates() {
			asked++
			count(e, "validated", asked, changes)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("validate %d changes: %w after %d", len(actions), err, checked)
	}
	return Join(failures), nil
}

// count shows on a terminal how far something is that takes long.
func count(e *cli.Env, what string, n, of int) {
	if !e.Interactive || of < 100 {
		return
	}
	fmt.Fprintf(e.Err, "\r%s %d of %d", what, n, of)
	if n == of {
		fmt.Fprint(e.Err, "\r\x1b[K")
	}
}

// lacksTopic reports whether apply has to make the topic first.
func (d *Plan) lacksTopic() bool {
	return slices.ContainsFunc(d.PubSub, func(r PubSubRow) bool { return r.Resource == d.Topic && r.missing })
}
