package provision

import (
	"context"
	"errors"
	"slices"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Check names every way in which the live resources aren't as the facts have
// them. What can't be read is an error, and the rest is checked all the same.
// Roles that are granted for the whole project aren't seen.
func (p *Provisioner) Check(ctx context.Context) ([]Drift, error) {
	number, err := p.number(ctx)
	var unknown *unknownNumberError
	if err != nil && !errors.As(err, &unknown) {
		return nil, err
	}
	facts := p.names.Facts(number, p.options.Worker)
	var drifts []Drift
	var errs []error
	add := func(found []Drift, err error) {
		drifts, errs = append(drifts, found...), append(errs, err)
	}
	for _, want := range facts.Topics {
		add(p.checkTopic(ctx, want))
		if unreachable(errs[0]) { // and so is all else
			return nil, errs[0]
		}
	}
	for _, want := range facts.Subscriptions {
		add(p.checkSubscription(ctx, want))
	}
	for _, resource := range facts.granting() {
		add(p.checkBindings(ctx, resource, facts.on(resource)))
	}
	return drifts, errors.Join(errs...)
}

// CheckMendable is [Provisioner.Check] for who wants to mend what it finds: where
// there are no policies ([ErrNoPolicies]) nothing has to be granted.
func (p *Provisioner) CheckMendable(ctx context.Context) ([]Drift, error) {
	found, err := p.Check(ctx)
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return found, err
	}
	others := slices.DeleteFunc(slices.Clone(joined.Unwrap()), func(err error) bool { return errors.Is(err, ErrNoPolicies) })
	return found, errors.Join(others...)
}

func unreachable(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

func (p *Provisioner) checkTopic(ctx context.Context, want *pubsubpb.Topic) ([]Drift, error) {
	live, err := p.topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: want.Name}, unavailable())
	if status.Code(err) == codes.NotFound {
		return []Drift{missing(want.Name, createTopic(want), "nothing can be published to it")}, nil
	}
	if err != nil {
		return nil, p.explain("read", want.Name, "get", err)
	}
	return compareTopic(live, want), nil
}

func (p *Provisioner) checkSubscription(ctx context.Context, want *pubsubpb.Subscription) ([]Drift, error) {
	live, err := p.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: want.Name}, unavailable())
	if status.Code(err) == codes.NotFound {
		return []Drift{missing(want.Name, createSubscription(want, want.Name), "what is published to a topic without a subscription is lost")}, nil
	}
	if err != nil {
		return nil, p.explain("read", want.Name, "get", err)
	}
	return compareSubscription(live, want), nil
}
