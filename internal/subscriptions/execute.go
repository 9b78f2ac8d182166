package subscriptions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/credentials"
)

// Do carries one action out.
func (m *Manager) Do(ctx context.Context, a Action) Result {
	r := Result{Scope: a.Desired.Scope, Subscription: a.Actual}
	switch a.Kind {
	case Keep, Wait:
		r.Outcome = Unchanged
	case Orphan:
		r.Outcome = Left
	case Refuse:
		r.Err = &Error{Doing: a.Desired.Scope + ": " + a.Actual.Name, Cause: a.Reason, Remedy: a.Remedy}
	case Update:
		r.Outcome = Updated
		r.Subscription, r.Err = m.patch(ctx, a.Desired, a.Actual.Name, "event_types")
	case Renew:
		r.Outcome = Renewed
		r.Subscription, r.Err = m.patch(ctx, a.Desired, a.Actual.Name, "ttl")
	case Reactivate:
		r.Outcome = Reactivated
		r.Subscription, r.Err = m.reactivate(ctx, a.Desired, a.Actual)
	case Create:
		r = m.createOrAdopt(ctx, a.Desired)
	case Replace:
		r = m.replace(ctx, a)
	case Prune:
		r.Outcome = Pruned
		r.Err = m.prune(ctx, a.Actual)
	}
	if r.Err != nil {
		r.Outcome = Failed
	}
	return r
}

func (m *Manager) createOrAdopt(ctx context.Context, d Desired) Result {
	var created workspaceevents.Subscription
	err := m.mutate(ctx, "create the subscription of "+d.Scope, func(ctx context.Context) (*workspaceevents.Operation, error) {
		return m.service.Subscriptions.Create(d.toGoogle()).Context(ctx).Do()
	}, &created)
	if current, taken := alreadyExists(err); taken {
		return m.adopt(ctx, d, current, err)
	}
	r := Result{Scope: d.Scope, Outcome: Created}
	switch {
	case err != nil:
		r.Err = explain("watch "+d.Scope, d, err)
	case created.Name == "": // the operation's answer may be left out
		r.Subscription, r.Err = m.find(ctx, d, "")
	default:
		var s Subscription
		if s, r.Err = fromGoogle(&created); r.Err == nil {
			r.Subscription = &s
		}
	}
	return r
}

// adopt takes over a subscription that someone else created in the meantime,
// and changes it as desired. Google shows it only when the operation that creates
// it is done, which is awaited: another process's, or our own whose answer was
// lost. refused is Google's answer to ours.
func (m *Manager) adopt(ctx context.Context, d Desired, name string, refused error) Result {
	var existing *Subscription
	waited := time.Duration(0)
	for pause := firstPoll; ; pause = min(2*pause, maxPoll) {
		var err error
		if existing, err = m.look(ctx, d, name); err != nil {
			return Result{Scope: d.Scope, Err: err}
		}
		if existing != nil {
			break
		}
		if waited > adoptTimeout {
			return Result{Scope: d.Scope, Err: unseen(d, refused)}
		}
		waited += pause
		if err := m.opts.Wait(ctx, pause); err != nil {
			return Result{Scope: d.Scope, Err: fmt.Errorf("wait for the subscription of %s that is being created: %w", d.Scope, err)}
		}
	}
	r := m.Do(ctx, plan(d, existing, View{Unattended: true}))
	if r.Outcome == Unchanged {
		r.Outcome = Adopted
	}
	return r
}

// unseen explains that Google refused to create what it doesn't show.
func unseen(d Desired, refused error) *Error {
	code, message := answerOf(refused)
	return &Error{
		Doing: "watch " + d.Scope, Code: code, Message: strings.TrimSuffix(message, "."),
		Cause: "Google says that a subscription exists already, but shows none to this app",
		Remedy: "another apply or a worker may still be creating it: apply again in a minute; " +
			"if it stays so, it was created with other credentials",
	}
}

// patch changes the field that the mask names: event_types to the desired ones,
// or ttl to the longest that Google grants, which it doesn't say beforehand.
func (m *Manager) patch(ctx context.Context, d Desired, name, mask string) (*Subscription, error) {
	body := &workspaceevents.Subscription{EventTypes: d.EventTypes}
	if mask == "ttl" {
		body = &workspaceevents.Subscription{Ttl: "0s"}
	}
	return m.change(ctx, d, name, "update", func(ctx context.Context) (*workspaceevents.Operation, error) {
		return m.service.Subscriptions.Patch(name, body).UpdateMask(mask).Context(ctx).Do()
	})
}

// reactivate ends a suspension. Google keeps the expiry, of which little may
// be left, so that it is renewed as well.
func (m *Manager) reactivate(ctx context.Context, d Desired, actual *Subscription) (*Subscription, error) {
	active, err := m.change(ctx, d, actual.Name, "reactivate", func(ctx context.Context) (*workspaceevents.Operation, error) {
		return m.service.Subscriptions.Reactivate(actual.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Context(ctx).Do()
	})
	var failure *Error
	if errors.As(err, &failure) && failure.Code == http.StatusBadRequest {
		// Somebody else may have been faster; else Google lists what is still wrong.
		if now, findErr := m.find(ctx, d, actual.Name); findErr == nil && now.State == StateActive {
			return now, nil
		}
		failure.Cause, failure.Remedy = actual.SuspensionReason, cures(actual.SuspensionReason, failure.Message, actual.Name, d.Topic)
	}
	if err != nil {
		return nil, err
	}
	if renewed, err := m.patch(ctx, d, actual.Name, "ttl"); err == nil {
		return renewed, nil
	}
	return active, nil // it is active; the next pass renews it
}

// change makes a call that answers with the subscription as it is then.
func (m *Manager) change(ctx context.Context, d Desired, name, verb string,
	call func(context.Context) (*workspaceevents.Operation, error),
) (*Subscription, error) {
	var changed workspaceevents.Subscription
	if err := m.mutate(ctx, verb+" "+name, call, &changed); err != nil {
		return nil, explain(verb+" "+name+" of "+d.Scope, d, err)
	}
	if changed.Name == "" {
		return m.find(ctx, d, name)
	}
	s, err := fromGoogle(&changed)
	return &s, err
}

// find reads the desired subscription, which must be there.
func (m *Manager) find(ctx context.Context, d Desired, name string) (*Subscription, error) {
	s, err := m.look(ctx, d, name)
	if err == nil && s == nil {
		return nil, &Error{
			Doing: "watch " + d.Scope, Cause: "Google shows no subscription where there was one just now",
			Remedy: "somebody may have deleted it: apply again",
		}
	}
	return s, err
}

// look reads the desired subscription by its name, or looks for it by its target
// if Google didn't tell the name; nil if there is none.
func (m *Manager) look(ctx context.Context, d Desired, name string) (*Subscription, error) {
	if name != "" {
		s, err := m.get(ctx, name)
		if err == nil {
			return s, nil
		}
		if !isNotFound(err) {
			return nil, explain("read "+name+" of "+d.Scope, d, err)
		}
	}
	target := d.Target()
	if sameTarget(target) != target {
		target = "" // Google may list it by its other name
	}
	found, err := m.list(ctx, target)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(s Subscription) bool { return sameTarget(s.Target) != sameTarget(d.Target()) })
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// alreadyExists recognises the answer to a second subscription for one
// target, and returns the name of the first if the answer tells.
func alreadyExists(err error) (current string, ok bool) {
	var operation *operationError
	if errors.As(err, &operation) {
		return currentSubscription(operation.status.Details), operation.status.Code == codeAlreadyExists
	}
	var answer *googleapi.Error
	if !errors.As(err, &answer) || credentials.Status(answer) != credentials.AlreadyExists {
		return "", false
	}
	return currentSubscription(answer.Details), true
}

func currentSubscription[D any](details []D) string {
	for _, detail := range details {
		raw, err := json.Marshal(detail)
		if err != nil {
			continue
		}
		var info struct {
			Metadata struct {
				Current string `json:"current_subscription"`
			} `json:"metadata"`
		}
		if json.Unmarshal(raw, &info) == nil && info.Metadata.Current != "" {
			return info.Metadata.Current
		}
	}
	return ""
}

func isNotFound(err error) bool {
	code, _ := answerOf(err)
	return code == http.StatusNotFound
}
