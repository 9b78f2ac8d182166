package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Change is something that Make has done.
type Change struct {
	Resource string // full name
	What     string // "created", "set ack_deadline_seconds", "granted roles/pubsub.publisher to …"
}

func (c Change) String() string {
	return fmt.Sprintf("%s %s: %s", kind(c.Resource), id(c.Resource), c.What)
}

// Make creates missing resources and mends drifts in place. It returns its
// changes, and the drifts that are left to a person. On an error it returns the
// changes until then; run again, it goes on from there.
func (p *Provisioner) Make(ctx context.Context) (done []Change, left []Drift, err error) {
	number, err := p.number(ctx)
	var unknown *unknownNumberError
	if err != nil && !errors.As(err, &unknown) {
		return nil, nil, err
	}
	facts := p.names.Facts(number, p.options.Worker)
	// A topic and its subscription, before anybody may publish: what goes to a
	// topic without a subscription is lost.
	for i, topic := range facts.Topics {
		changes, err := p.makeTopic(ctx, topic)
		if done = append(done, changes...); err != nil {
			return done, nil, err
		}
		changes, ours, err := p.makeSubscription(ctx, facts.Subscriptions[i])
		if done = append(done, changes...); err != nil {
			return done, nil, err
		}
		if !ours { // nothing is right until another one is named
			left, err = p.CheckMendable(ctx)
			return done, left, err
		}
	}
	for _, resource := range facts.granting() {
		granted, err := p.bind(ctx, resource, facts.on(resource))
		if err != nil {
			return done, nil, err
		}
		for _, b := range granted {
			done = append(done, Change{resource, "granted " + b.Role + " to " + strings.TrimPrefix(b.Member, "serviceAccount:")})
		}
	}
	left, err = p.CheckMendable(ctx)
	return done, left, err
}

func (p *Provisioner) makeTopic(ctx context.Context, want *pubsubpb.Topic) ([]Change, error) {
	found, err := p.checkTopic(ctx, want)
	if err != nil || !isMissing(found) {
		return nil, err
	}
	_, err = p.topics.CreateTopic(ctx, want)
	if status.Code(err) == codes.AlreadyExists {
		return nil, nil // somebody was faster
	}
	if err != nil {
		return nil, p.explain("create", want.Name, "create", err)
	}
	return []Change{{want.Name, "created"}}, nil
}

// makeSubscription also reports whether the subscription is ours to change.
func (p *Provisioner) makeSubscription(ctx context.Context, want *pubsubpb.Subscription) (_ []Change, ours bool, _ error) {
	found, err := p.checkSubscription(ctx, want)
	if err != nil {
		return nil, false, err
	}
	if isMissing(found) {
		_, err := p.subscriptions.CreateSubscription(ctx, want)
		if err == nil {
			return []Change{{want.Name, "created"}}, true, nil
		}
		if status.Code(err) != codes.AlreadyExists {
			return nil, false, p.explainCreate(ctx, want, err)
		}
		// Somebody was faster, and may want it to be different.
		if found, err = p.checkSubscription(ctx, want); err != nil {
			return nil, false, err
		}
	}
	if servesOthers(found) {
		return nil, false, nil
	}
	changes, err := p.mend(ctx, want, found)
	return changes, true, err
}

// explainCreate tells the two permissions apart that a new subscription needs.
func (p *Provisioner) explainCreate(ctx context.Context, want *pubsubpb.Subscription, err error) error {
	if status.Code(err) == codes.PermissionDenied {
		const attach = "pubsub.topics.attachSubscription"
		held, testErr := p.topics.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: want.Topic, Permissions: []string{attach}})
		if testErr == nil && len(held.GetPermissions()) == 0 {
			return p.explain("attach a subscription to", want.Topic, "attachSubscription", err)
		}
	}
	return p.explain("create", want.Name, "create", err)
}

// mend changes settings in place, in one call.
func (p *Provisioner) mend(ctx context.Context, want *pubsubpb.Subscription, found []Drift) ([]Change, error) {
	var masks []string
	for _, f := range subscriptionFields() {
		if f.mend == InPlace && slices.ContainsFunc(found, func(d Drift) bool { return d.Field == f.path }) && !slices.Contains(masks, f.mask()) {
			masks = append(masks, f.mask())
		}
	}
	if len(masks) == 0 {
		return nil, nil
	}
	_, err := p.subscriptions.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{
		Subscription: want, UpdateMask: &fieldmaskpb.FieldMask{Paths: masks},
	})
	if err != nil {
		return nil, p.explain("change", want.Name, "update", err)
	}
	return []Change{{want.Name, "set " + strings.Join(masks, ", ")}}, nil
}

func isMissing(drifts []Drift) bool {
	return len(drifts) == 1 && drifts[0].Field == existence
}
