package subscriptions

import (
	"context"

	"google.golang.org/api/workspaceevents/v1"
)

// Validate asks Google whether it would carry the action out, without doing
// so. What Google can't say beforehand (of a reactivation) counts as valid.
func (m *Manager) Validate(ctx context.Context, a Action) error {
	switch a.Kind {
	case Create, Replace:
		return m.validateCreate(ctx, a.Desired)
	case Update:
		return m.validateUpdate(ctx, a.Desired, a.Actual.Name)
	}
	return nil
}

// validateCreate takes ALREADY_EXISTS for a yes: Google has found nothing
// else to object to.
func (m *Manager) validateCreate(ctx context.Context, d Desired) error {
	err := m.mutate(ctx, "validate the subscription of "+d.Scope, func(ctx context.Context) (*workspaceevents.Operation, error) {
		return m.service.Subscriptions.Create(d.toGoogle()).ValidateOnly(true).Context(ctx).Do()
	}, nil)
	if _, taken := alreadyExists(err); err == nil || taken {
		return nil
	}
	return explain("watch "+d.Scope, d, err)
}

func (m *Manager) validateUpdate(ctx context.Context, d Desired, name string) error {
	err := m.mutate(ctx, "validate the update of "+name, func(ctx context.Context) (*workspaceevents.Operation, error) {
		call := m.service.Subscriptions.Patch(name, &workspaceevents.Subscription{EventTypes: d.EventTypes})
		return call.UpdateMask("event_types").ValidateOnly(true).Context(ctx).Do()
	}, nil)
	if err != nil {
		return explain("update "+name+" of "+d.Scope, d, err)
	}
	return nil
}
