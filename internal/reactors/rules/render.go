package rules

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/cards"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/params"
)

// Needs is the state that the conditions and texts of a step read, those for a
// collapsed run among them.
func (r *Rule) Needs(step string) reactors.Needs {
	if s := r.Step(step); s != nil {
		return s.needs
	}
	return 0
}

func (r *Rule) needsOf(s Step) reactors.Needs {
	var n reactors.Needs
	for _, c := range []*expr.Condition{r.If, r.Still, r.StopWhen, r.Until, s.If} {
		if c != nil {
			n |= c.Needs()
		}
	}
	if r.Stay {
		n |= reactors.NeedMember
	}
	do := s.Do
	if r.Collapse != nil {
		do = append(do[:len(do):len(do)], r.Collapse.Do...)
	}
	for _, d := range do {
		for _, t := range d.texts {
			n |= t.Needs()
		}
	}
	return n
}

// Empty lists the fields that texts of the rule write as they are and that are
// empty among these facts, each once.
func (r *Rule) Empty(f *reactors.Facts, now time.Time) []string {
	var fields []string
	r.each(func(d Do) {
		for _, t := range d.texts {
			fields = append(fields, t.Empty(f, now)...)
		}
	})
	slices.Sort(fields)
	return slices.Compact(fields)
}

// elsewhere is an action that may act in another space than the trigger's.
type elsewhere interface {
	// ActsIn returns that space; "" for the trigger's.
	ActsIn(params any) string
}

// actsIn is the space that an action names; "" for the trigger's.
func (d *Do) actsIn() string {
	if e, ok := d.Action.(elsewhere); ok {
		return e.ActsIn(d.Params)
	}
	return ""
}

// ActsIn returns the space in which what the rule does may make apps act, and so
// the rule again and again: the one of its trigger if it does anything there, or
// else another. "" if that can't be: the rule doesn't mind apps, nothing that it
// does leads to other events, or they are nothing new to it.
func (r *Rule) ActsIn(space string) (in string) {
	anew := func(k string) bool { return k == "message" || k == "thread" || k == "event" }
	if !r.Bots || !slices.ContainsFunc(r.OncePer, anew) {
		return ""
	}
	r.each(func(d Do) {
		if in == space && in != "" || d.Action.Kind() == reactors.Observes {
			return
		}
		to := cmp.Or(d.actsIn(), space)
		if in == "" || to == space {
			in = to
		}
	})
	return in
}

// Observes reports whether nothing that the rule does can lead to another
// event: then apps can't be kept busy by it, whatever they do.
func (r *Rule) Observes() bool {
	observes := true
	r.each(func(d Do) { observes = observes && d.Action.Kind() == reactors.Observes })
	return observes
}

// Render makes the requests of a run: of its step, or what is done once for
// all members of a collapsed one. An error is permanent, unless ctx has ended.
func (r *Rule) Render(ctx context.Context, run reactors.Run, f reactors.Facts, now time.Time, collapsed bool) ([]reactors.Request, error) {
	var do []Do
	step := r.Step(run.StepID)
	switch {
	case collapsed && r.Collapse != nil:
		do = r.Collapse.Do
	case !collapsed && step != nil:
		do = step.Do
	default:
		return nil, reactors.Permanent(fmt.Errorf("render reactor %q: there is no step %q in it", r.ID, run.StepID))
	}
	requests := make([]reactors.Request, 0, len(do))
	for _, d := range do {
		prepared, err := d.render(ctx, run, f, now)
		if err != nil {
			err = fmt.Errorf("render action %q of reactor %q: %w", d.Label, r.ID, err)
			if ctx.Err() == nil {
				err = reactors.Permanent(err)
			}
			return nil, err
		}
		requests = append(requests, prepared...)
	}
	return requests, nil
}

// render returns the action's request, or those that it asks for instead.
func (d *Do) render(ctx context.Context, run reactors.Run, f reactors.Facts, now time.Time) ([]reactors.Request, error) {
	filled := params.Clone(reflect.ValueOf(d.Params))
	var failed error
	render := func(path, source string) (string, error) {
		t, ok := d.texts[path]
		if !ok {
			return source, nil
		}
		return t.Render(ctx, &f, now)
	}
	params.EachText("", filled.Elem(), func(path string, t any) {
		if failed != nil {
			return
		}
		switch t := t.(type) {
		case *reactors.ChatText:
			t.Value, failed = render(path, t.Source)
		case *reactors.PlainText:
			t.Value, failed = render(path, t.Source)
		case *reactors.Card:
			if t.Source == nil {
				return
			}
			var card any
			if card, failed = cards.Fill(path, t.Source, render); failed == nil {
				t.Value, failed = cards.Marshal(card)
			}
		}
		if failed != nil {
			failed = fmt.Errorf("%s: %w", path, failed)
		}
	})
	if failed != nil {
		return nil, failed
	}
	p, err := d.Action.Prepare(filled.Interface(), reactors.PrepareContext{
		Run: run, Facts: f, Label: d.Label, IDs: reactors.IDsOf(run),
	})
	if err != nil {
		return nil, err
	}
	if len(p.Instead) > 0 {
		return p.Instead, nil
	}
	return []reactors.Request{{
		Action: d.Action.Name(), Label: d.Label, Body: p.Body, Write: p.Write, Effect: p.Effect, To: p.To, Quota: p.Quota,
	}}, nil
}
