package broker

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// subscriber is the google.pubsub.v1.Subscriber service: its administration
// here, its data in stream.go. gRPC answers the other methods with UNIMPLEMENTED.
type subscriber struct {
	pubsubpb.UnimplementedSubscriberServer
	server *Server
}

func (r *subscriber) CreateSubscription(_ context.Context, in *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	config := proto.CloneOf(in)
	if err := cmp.Or(checkName(in.GetName(), "subscriptions"), checkName(in.GetTopic(), "topics"), checkSubscription(config)); err != nil {
		return nil, err
	}
	accept, err := parseFilter(config.Filter)
	if err != nil {
		return nil, err
	}
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscriptions[in.Name] != nil {
		return nil, alreadyExists(in.Name)
	}
	t := s.topics[in.Topic]
	if t == nil {
		return nil, notFound(in.Topic)
	}
	if err := s.checkDeadLetterTopic(config.DeadLetterPolicy); err != nil {
		return nil, err
	}
	config.State = pubsubpb.Subscription_ACTIVE
	s.serial++
	sub := &subscription{
		server: s, name: in.Name, serial: s.serial, config: config, filter: accept,
		leases: map[uint64]*entry{}, expiring: map[time.Duration]*leaseList{}, keys: map[string]*fifo{},
	}
	s.subscriptions[in.Name] = sub
	t.subscriptions = append(slices.Clip(t.subscriptions), sub)
	return proto.CloneOf(config), nil
}

func (r *subscriber) GetSubscription(_ context.Context, in *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	sub, err := r.server.subscription(in.GetSubscription())
	if err != nil {
		return nil, err
	}
	return sub.description(), nil
}

func (s *subscription) description() *pubsubpb.Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return proto.CloneOf(s.config)
}

func (r *subscriber) UpdateSubscription(_ context.Context, in *pubsubpb.UpdateSubscriptionRequest) (*pubsubpb.Subscription, error) {
	sub, err := r.server.subscription(in.GetSubscription().GetName())
	if err != nil {
		return nil, err
	}
	r.server.mu.RLock()
	defer r.server.mu.RUnlock()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	next := proto.CloneOf(sub.config)
	err = applyMask(next, proto.CloneOf(in.Subscription), in.UpdateMask, "ack_deadline_seconds", "retain_acked_messages",
		"message_retention_duration", "labels", "expiration_policy", "dead_letter_policy", "retry_policy",
		"enable_exactly_once_delivery", "push_config")
	if err != nil {
		return nil, err
	}
	if err := checkSubscription(next); err != nil {
		return nil, err
	}
	if slices.Contains(in.UpdateMask.GetPaths(), "dead_letter_policy") {
		if err := r.server.checkDeadLetterTopic(next.DeadLetterPolicy); err != nil {
			return nil, err
		}
	}
	sub.config = next
	return proto.CloneOf(next), nil
}

// checkDeadLetterTopic wants the topic to exist when a policy is set. It may
// go later. The server is locked.
func (s *Server) checkDeadLetterTopic(policy *pubsubpb.DeadLetterPolicy) error {
	if policy != nil && s.topics[policy.DeadLetterTopic] == nil {
		return notFound(policy.DeadLetterTopic)
	}
	return nil
}

func (r *subscriber) ListSubscriptions(
	_ context.Context, in *pubsubpb.ListSubscriptionsRequest,
) (*pubsubpb.ListSubscriptionsResponse, error) {
	s := r.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	names, next, err := page(maps.Keys(s.subscriptions), in.GetProject()+"/subscriptions/", in.GetPageSize(), in.GetPageToken())
	if err != nil {
		return nil, err
	}
	out := &pubsubpb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range names {
		out.Subscriptions = append(out.Subscriptions, s.subscriptions[name].description())
	}
	return out, nil
}

func (r *subscriber) DeleteSubscription(_ context.Context, in *pubsubpb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subscriptions[in.GetSubscription()]
	if sub == nil {
		return nil, notFound(in.GetSubscription())
	}
	delete(s.subscriptions, sub.name)
	delete(s.policies, sub.name)
	for _, t := range s.topics {
		if i := slices.Index(t.subscriptions, sub); i >= 0 {
			t.subscriptions = slices.Delete(slices.Clone(t.subscriptions), i, i+1)
		}
	}
	sub.close(notFound(sub.name))
	return &emptypb.Empty{}, nil
}
