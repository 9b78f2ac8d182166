package provision

import (
	"context"
	"errors"

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
	}
	for _, want := range facts.Subscriptions {
		add(p.checkSubscription(ctx, want))
	}
	for _, resource := range facts.granting() {
		add(p.checkBindings(ctx, resource, facts.on(resource)))
	}
	return drifts, errors.Join(errs...)
}

func (p *Provisioner) checkTopic(ctx context.Context, want *pubsubpb.Topic) ([]Drift, error) {
	live, err := p.topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: want.Name})
	if status.Code(err) == codes.NotFound {
		return []Drift{missing(want.Name, createTopic(want), "nothing can be published to it")}, nil
	}
	if err != nil {
		return nil, p.explain("read", want.Name, "get", err)
	}
	return compareTopic(live, want), nil
}

func (p *Provisioner) checkSubscription(ctx context.Context, want *pubsubpb.Subscription) ([]Drift, error) {
	live, err := p.subscriptions.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: want.Name})
	if status.Code(err) == codes.NotFound {
		return []Drift{missing(want.Name, createSubscription(want, want.Name), "what is published to a topic without a subscription is lost")}, nil
	}
	if err != nil {
		return nil, p.explain("read", want.Name, "get", err)
	}
	return compareSubscription(live, want), nil
}
