package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Write keeps the plan in a file: the same as plan -o json prints.
func (d *Plan) Write(file string) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the plan: %w", err)
	}
	// The old file is whole until the new one is: somebody may have waited hours for it.
	aside := file + ".new"
	if there, err := os.Stat(file); err == nil && !there.Mode().IsRegular() {
		aside = file // /dev/stdout, say
	}
	if err := os.WriteFile(aside, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	if err := os.Rename(aside, file); err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	return nil
}

// ReadPlan reads a file that Write has written, and that is finished.
func ReadPlan(file string) (*Plan, error) {
	d, err := readPlan(file)
	if err == nil && d.Unfinished {
		return nil, fmt.Errorf("read the plan: in %s Google was asked about %d of %d changes, or refused some: subscribe-setup plan --out %s goes on",
			file, d.Validated.Done, d.Validated.Of, file)
	}
	return d, err
}

func readPlan(file string) (*Plan, error) {
	text, err := readfile.Regular(file, readfile.Plan)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w; subscribe-setup plan --out %s makes one", err, file)
	}
	var d Plan
	if err := json.Unmarshal(text, &d); err != nil || d.Version == 0 {
		return nil, fmt.Errorf("read the plan: %s is not a file that subscribe-setup plan --out has written", file)
	}
	if d.Version != planVersion {
		return nil, fmt.Errorf("read the plan: %s has version %d, this is for version %d; plan again", file, d.Version, planVersion)
	}
	return &d, nil
}

// Choose picks what the plan has of the actions that would be right now, all
// orphans pruned. It errors if anything that the plan is about has changed
// since; what has been done already is no change.
func (d *Plan) Choose(cfg config.Config, now []subscriptions.Action) ([]subscriptions.Action, error) {
	if d.Project != cfg.Project || d.Topic != cfg.TopicName() {
		return nil, fmt.Errorf("the plan is for the topic %s, and the configuration says %s: plan again", d.Topic, cfg.TopicName())
	}
	current := map[string]subscriptions.Action{}
	for _, a := range now {
		current[a.Desired.Scope] = a
	}
	var chosen []subscriptions.Action
	var changes []error
	for _, planned := range d.Actions {
		a, there := current[planned.Scope]
		delete(current, planned.Scope)
		kind := subscriptions.Kind(planned.Action)
		orphan := kind == subscriptions.Prune || kind == subscriptions.Orphan
		switch {
		case orphan && !there, orphan && a.Kind != subscriptions.Prune && !a.Kind.Mutates():
			// It has been deleted, or is wanted by now.
		case !there, !orphan && a.Kind == subscriptions.Prune:
			changes = append(changes, changed(planned.Scope, "it isn't configured any more"))
		case !orphan && !planned.wants(a.Desired):
			changes = append(changes, changed(planned.Scope, "the configuration asks for something else by now"))
		case a.Kind == subscriptions.Keep: // it has been done
			chosen = append(chosen, a)
		case kind == subscriptions.Replace && a.Kind == subscriptions.Create: // half of it has been done
			chosen = append(chosen, a)
		case !planned.sees(a.Actual):
			changes = append(changes, changed(planned.Scope, "its subscription has changed"))
		case kind == subscriptions.Orphan && a.Kind == subscriptions.Prune:
			a.Kind = kind
			chosen = append(chosen, a)
		case kind == a.Kind:
			chosen = append(chosen, a)
		default:
			changes = append(changes, changed(planned.Scope, fmt.Sprintf("the plan says %s, and now it would be %s", kind, a.Kind)))
		}
	}
	for _, a := range now { // in their order
		if _, left := current[a.Desired.Scope]; left && a.Kind != subscriptions.Prune {
			changes = append(changes, changed(a.Desired.Scope, "it is configured and not in the plan"))
		}
	}
	if len(changes) > 0 {
		return nil, errors.Join(append(changes, errors.New("nothing was changed; plan again"))...)
	}
	return chosen, nil
}

func changed(scope, why string) error {
	return fmt.Errorf("the plan is out of date: %s: %s", scope, why)
}

func (r *PlanRow) wants(d subscriptions.Desired) bool {
	return r.Desired != nil && r.Desired.Topic == d.Topic && r.Desired.IncludeResource == d.IncludeResource &&
		slices.Equal(r.Desired.EventTypes, d.EventTypes)
}

// sees compares what the plan was made for with what there is, but for what a
// renewal changes.
func (r *PlanRow) sees(s *subscriptions.Subscription) bool {
	switch {
	case r.Actual == nil || s == nil:
		return r.Actual == nil && s == nil
	case r.Actual.IncludeResource == nil || *r.Actual.IncludeResource != s.IncludeResource:
		return false
	}
	return r.Actual.UID == s.UID && r.Actual.Topic == s.Topic && r.Actual.State == string(s.State) &&
		r.Actual.SuspensionReason == s.SuspensionReason && r.Actual.FieldMask == s.FieldMask &&
		slices.Equal(r.Actual.EventTypes, s.EventTypes)
}
