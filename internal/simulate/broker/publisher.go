package broker

import (
	"cmp"
	"context"
	"maps"
	"strconv"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// topic is guarded by the server's lock; duplicates apart.
type topic struct {
	config        *pubsubpb.Topic
	subscriptions []*subscription
	duplicates    atomic.Int64 // messages still to be stored twice
	lastID        *atomic.Uint64
}

// published is a message on its way into subscriptions.
type published struct {
	message    *message
	attributes map[string]string // for filters
}

// publishMode says whose message it is.
type publishMode int

const (
	clientPublish   publishMode = iota // limits are checked
	internalPublish                    // a dead letter: its extra attributes may break the limits
)

// Publish publishes in process, without the cost of gRPC. It checks the same
// limits and answers with the same errors as the service, and returns the
// message ids. The Data of the messages must not change afterwards.
func (s *Server) Publish(topic string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	return s.publish(topic, messages, clientPublish)
}

func (s *Server) publish(name string, messages []*pubsubpb.PubsubMessage, mode publishMode) ([]string, error) {
	sizes := make([]int, len(messages))
	for i, m := range messages {
		size, err := checkMessage(m)
		if err != nil && mode == clientPublish {
			return nil, err
		}
		sizes[i] = size
	}
	s.mu.RLock()
	t := s.topics[name]
	var subs []*subscription
	if t != nil {
		subs = t.subscriptions // replaced, never changed in place
	}
	s.mu.RUnlock()
	if t == nil {
		return nil, notFound(name)
	}
	now := s.now()
	ids := make([]string, len(messages))
	batch := make([]published, 0, len(messages))
	for i, m := range messages {
		ids[i] = t.nextID()
		batch = append(batch, published{newMessage(m, ids[i], now, sizes[i]), m.GetAttributes()})
		if t.duplicates.Load() > 0 && t.duplicates.Add(-1) >= 0 {
			batch = append(batch, published{newMessage(m, t.nextID(), now, sizes[i]), m.GetAttributes()})
		}
	}
	for _, sub := range subs {
		sub.enqueue(batch)
	}
	return ids, nil
}

func (t *topic) nextID() string { return strconv.FormatUint(t.lastID.Add(1), 10) }

// publisher is the google.pubsub.v1.Publisher service.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	server *Server
}

func (p *publisher) CreateTopic(_ context.Context, in *pubsubpb.Topic) (*pubsubpb.Topic, error) {
	if err := cmp.Or(checkName(in.GetName(), "topics"), checkTopic(in)); err != nil {
		return nil, err
	}
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[in.Name] != nil {
		return nil, alreadyExists(in.Name)
	}
	config := proto.CloneOf(in)
	s.topics[in.Name] = &topic{config: config, lastID: &s.lastID}
	return proto.CloneOf(config), nil
}

func checkTopic(t *pubsubpb.Topic) error {
	switch policy := t.MessageStoragePolicy; {
	case policy != nil && len(policy.AllowedPersistenceRegions) == 0:
		return invalid("A message_storage_policy must allow at least one region.")
	case t.SchemaSettings != nil || t.IngestionDataSourceSettings != nil || len(t.MessageTransforms) > 0:
		return unimplemented("schemas, ingestion and message transforms")
	case t.MessageRetentionDuration != nil:
		return checkRange("message_retention_duration", t.MessageRetentionDuration.AsDuration(), minRetention, maxRetention)
	}
	return nil
}

func (p *publisher) UpdateTopic(_ context.Context, in *pubsubpb.UpdateTopicRequest) (*pubsubpb.Topic, error) {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[in.GetTopic().GetName()]
	if t == nil {
		return nil, notFound(in.GetTopic().GetName())
	}
	next := proto.CloneOf(t.config)
	err := applyMask(next, in.Topic, in.UpdateMask, "labels", "message_retention_duration", "message_storage_policy", "kms_key_name")
	if err != nil {
		return nil, err
	}
	if err := checkTopic(next); err != nil {
		return nil, err
	}
	t.config = next
	return proto.CloneOf(next), nil
}

func (p *publisher) GetTopic(_ context.Context, in *pubsubpb.GetTopicRequest) (*pubsubpb.Topic, error) {
	s := p.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.topics[in.GetTopic()]
	if t == nil {
		return nil, notFound(in.GetTopic())
	}
	return proto.CloneOf(t.config), nil
}

func (p *publisher) ListTopics(_ context.Context, in *pubsubpb.ListTopicsRequest) (*pubsubpb.ListTopicsResponse, error) {
	s := p.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	names, next, err := page(maps.Keys(s.topics), in.GetProject()+"/topics/", in.GetPageSize(), in.GetPageToken())
	if err != nil {
		return nil, err
	}
	out := &pubsubpb.ListTopicsResponse{NextPageToken: next}
	for _, name := range names {
		out.Topics = append(out.Topics, proto.CloneOf(s.topics[name].config))
	}
	return out, nil
}

// DeleteTopic leaves the topic's subscriptions with what they hold.
func (p *publisher) DeleteTopic(_ context.Context, in *pubsubpb.DeleteTopicRequest) (*emptypb.Empty, error) {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[in.GetTopic()]
	if t == nil {
		return nil, notFound(in.GetTopic())
	}
	delete(s.topics, in.Topic)
	delete(s.policies, in.Topic)
	for _, sub := range t.subscriptions {
		sub.mu.Lock()
		next := proto.CloneOf(sub.config)
		next.Topic = deletedTopic
		sub.config = next
		sub.mu.Unlock()
	}
	return &emptypb.Empty{}, nil
}

func (p *publisher) Publish(_ context.Context, in *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	switch n := len(in.GetMessages()); {
	case n == 0:
		return nil, invalid("The request contains no messages.")
	case n > maxPublishMessages:
		return nil, invalid("The request contains %d messages; the limit is %d.", n, maxPublishMessages)
	}
	if n := proto.Size(in); n > maxRequestBytes {
		return nil, invalid("The request has %d bytes; the limit is %d.", n, maxRequestBytes)
	}
	ids, err := p.server.publish(in.GetTopic(), in.GetMessages(), clientPublish)
	if err != nil {
		return nil, err
	}
	return &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

// firstMessageID looks like Google's: 17 digits.
func firstMessageID(now time.Time) uint64 { return uint64(now.Unix())*10_000_000 + 1 }
