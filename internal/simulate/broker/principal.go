package broker

import (
	"slices"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Principal is somebody who publishes and needs a role for it. Everybody else
// who talks to the [Server] owns the project.
type Principal struct {
	server *Server
	member string
}

// publishersRegion is where principals publish from.
const publishersRegion = "us-central1"

// errNotAuthorized is all that Pub/Sub says about a missing permission.
var errNotAuthorized = status.Error(codes.PermissionDenied, "User not authorized to perform this action.")

// As returns the member, such as "serviceAccount:NAME@P.iam.gserviceaccount.com".
func (s *Server) As(member string) *Principal { return &Principal{s, member} }

// MayPublish reports whether the member was allowed to publish to the topic.
func (p *Principal) MayPublish(topic string) bool {
	return p.server.holds(p.member, PublisherRole, topic)
}

// TopicExists is [Server.TopicExists].
func (p *Principal) TopicExists(topic string) bool { return p.server.TopicExists(topic) }

// Publish is [Server.Publish] for those who may. A message with an ordering
// key must be stored in the publisher's region, whatever the topic's storage
// policy says: otherwise it is refused.
func (p *Principal) Publish(topic string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	if !p.TopicExists(topic) {
		return nil, notFound(topic)
	}
	if !p.MayPublish(topic) {
		return nil, errNotAuthorized
	}
	ordered := slices.ContainsFunc(messages, func(m *pubsubpb.PubsubMessage) bool { return m.GetOrderingKey() != "" })
	if ordered && !p.server.storedIn(topic, publishersRegion) {
		return nil, status.Errorf(codes.FailedPrecondition, "The message storage policy of the topic doesn't allow ordered messages from %s.", publishersRegion)
	}
	return p.server.Publish(topic, messages...)
}

// storedIn reports whether the topic's storage policy allows the region.
func (s *Server) storedIn(topic, region string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.topics[topic]
	if t == nil || t.config.MessageStoragePolicy == nil {
		return true
	}
	return slices.Contains(t.config.MessageStoragePolicy.AllowedPersistenceRegions, region)
}
