// Package readrules reads the configured rules as doctor looks at them: what they wait
// for, what they do, and as whom.
package readrules

import (
	"context"
	"errors"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
)

// Load reads the configured rules. Mistakes in them are a [*doctor.RulesError].
func Load(cfg config.Config) ([]doctor.Rule, error) {
	list, err := actions.List(cfg, nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = actions.Close(context.Background(), list) }() // nothing is lost with them
	set, err := rules.Load(cfg.Reactors.File, rules.Options{Actions: list})
	var wrong *rules.Error
	if err == nil && len(set.Unready) > 0 {
		err = &rules.Error{Mistakes: set.Unready}
	}
	if errors.As(err, &wrong) {
		told := &doctor.RulesError{}
		for _, m := range wrong.Mistakes {
			told.Mistakes = append(told.Mistakes, m.Short())
		}
		return nil, told
	}
	if err != nil {
		return nil, err
	}
	var found []doctor.Rule
	for _, r := range set.Rules() {
		found = append(found, describeRule(r, ""))
		for _, space := range set.Spaces() {
			if in := set.Rule(r.ID, space); in != r {
				found = append(found, describeRule(in, space))
			}
		}
	}
	return found, nil
}

// describeRule is what doctor has to know of a rule.
func describeRule(r *rules.Rule, space string) doctor.Rule {
	d := doctor.Rule{ID: r.ID, Space: space, Mode: string(r.Mode)}
	for _, t := range r.On {
		d.Events = append(d.Events, t.EventTypes()...)
	}
	var all []rules.Do
	for _, s := range r.Steps {
		all = append(all, s.Do...)
	}
	if r.Collapse != nil {
		all = append(all, r.Collapse.Do...)
	}
	for _, do := range all {
		if do.Action.Kind() != reactors.Observes {
			d.Chat = append(d.Chat, do.Action.Name())
		}
		if p, ok := do.Params.(*webhook.Params); ok {
			d.Secrets = append(d.Secrets, p.SecretFile)
		}
	}
	return d
}
