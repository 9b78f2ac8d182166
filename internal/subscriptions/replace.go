package subscriptions

import (
	"context"
	"fmt"
	"net/http"

	"google.golang.org/api/workspaceevents/v1"
)

// replace deletes a subscription that can't be changed as desired, and creates
// another. Events between the two are missed: a keeper sees that the new one is
// younger, and records the gap.
//
//	would Google create it? ─no─▶ nothing is changed
//	        │ yes
//	delete, if it is still what was planned for ─no─▶ plan again
//	        │ yes
//	create ─fails─▶ there is none: applying again creates it
func (m *Manager) replace(ctx context.Context, a Action) Result { return m.replaceWithin(ctx, a, 3) }

func (m *Manager) replaceWithin(ctx context.Context, a Action, tries int) Result {
	d := a.Desired
	if err := m.validateCreate(ctx, d); err != nil {
		return Result{Scope: d.Scope, Subscription: a.Actual, Err: err}
	}
	switch err := m.remove(ctx, a.Actual.Name, a.Actual.Etag); {
	case isConflict(err):
		return m.overtaken(ctx, a, tries-1)
	case err != nil && !isNotFound(err):
		return Result{Scope: d.Scope, Subscription: a.Actual, Err: explain("delete "+a.Actual.Name+" of "+d.Scope, d, err)}
	}
	r := m.createOrAdopt(ctx, d)
	if r.Outcome == Created {
		r.Outcome = Replaced
	}
	if r.Err != nil {
		r.Err = fmt.Errorf("%s was deleted, and nothing watches %s until apply succeeds: %w", a.Actual.Name, d.Scope, r.Err)
	}
	return r
}

// overtaken handles a subscription that has changed since it was planned. If it
// is now as desired, somebody else was faster; else a person has to plan again.
func (m *Manager) overtaken(ctx context.Context, a Action, tries int) Result {
	r := Result{Scope: a.Desired.Scope, Subscription: a.Actual}
	now, err := m.find(ctx, a.Desired, a.Actual.Name)
	if err != nil {
		r.Err = err
		return r
	}
	r.Subscription = now
	switch again := plan(a.Desired, now, View{}); {
	case !again.Kind.Mutates():
		r.Outcome = Adopted
	case again.Kind == a.Kind && now.UID == a.Actual.UID && tries > 0: // it was only renewed, or the like
		a.Actual = now
		return m.replaceWithin(ctx, a, tries)
	default:
		r.Err = overtakenError("replace", now)
	}
	return r
}

func overtakenError(verb string, s *Subscription) error {
	return &Error{
		Doing: verb + " " + s.Name + " of " + s.Scope(), Cause: "somebody else has changed it meanwhile",
		Remedy: "look at it again: subscribe-setup plan",
	}
}

// prune deletes an orphan, unless it has become something else since it was
// listed.
func (m *Manager) prune(ctx context.Context, s *Subscription) error {
	err := m.remove(ctx, s.Name, s.Etag)
	switch {
	case err == nil || isNotFound(err):
		return nil
	case isConflict(err):
		return overtakenError("delete", s)
	}
	return explain("delete "+s.Name+" of "+s.Scope(), Desired{}, err)
}

// remove deletes a subscription; with an etag, only if nothing has changed.
func (m *Manager) remove(ctx context.Context, name, etag string) error {
	return m.mutate(ctx, "delete "+name, func(ctx context.Context) (*workspaceevents.Operation, error) {
		call := m.service.Subscriptions.Delete(name).Context(ctx)
		if etag != "" {
			call = call.Etag(etag)
		}
		return call.Do()
	}, nil)
}

// isConflict recognises the answer to an etag that is out of date.
func isConflict(err error) bool {
	code, _ := answerOf(err)
	return code == http.StatusConflict
}
