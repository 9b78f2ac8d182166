package broker

import (
	"fmt"
	"hash/fnv"
	"slices"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/protobuf/proto"
)

// Roles that topics and subscriptions are granted with.
const (
	PublisherRole  = "roles/pubsub.publisher"
	SubscriberRole = "roles/pubsub.subscriber"
)

// ProjectNumber is the number of the project with the given id: made up, and
// always the same.
func ProjectNumber(project string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(project))
	return fmt.Sprint(100_000_000_000 + h.Sum64()%900_000_000_000)
}

// ServiceAgent is the account by which Pub/Sub itself acts for the project: it
// moves messages to a dead-letter topic.
func ServiceAgent(project string) string {
	return "serviceAccount:service-" + ProjectNumber(project) + "@gcp-sa-pubsub.iam.gserviceaccount.com"
}

// Grant adds the member to the role on a topic or subscription, as gcloud's
// add-iam-policy-binding does.
func (s *Server) Grant(resource, role, member string) error {
	return s.changePolicy(resource, func(p *iampb.Policy) {
		for _, b := range p.Bindings {
			if b.Role == role && b.Condition == nil {
				b.Members = append(b.Members, member)
				return
			}
		}
		p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
	})
}

// Revoke takes the member from the role on a topic or subscription.
func (s *Server) Revoke(resource, role, member string) error {
	return s.changePolicy(resource, func(p *iampb.Policy) {
		for _, b := range p.Bindings {
			if b.Role == role {
				b.Members = slices.DeleteFunc(b.Members, func(m string) bool { return m == member })
			}
		}
	})
}

func (s *Server) changePolicy(resource string, change func(*iampb.Policy)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.exists(resource) {
		return notFound(resource)
	}
	next := proto.CloneOf(s.policy(resource))
	change(next)
	if err := s.checkPolicy(next); err != nil {
		return err
	}
	s.setPolicy(resource, next)
	return nil
}

// holds reports whether the member was granted, on the resource itself, a role
// that includes the given one. A condition is taken for unfulfilled.
func (s *Server) holds(member, role, resource string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	roles := []string{role, "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"}
	members := []string{member, "allUsers", "allAuthenticatedUsers"}
	return slices.ContainsFunc(s.policy(resource).Bindings, func(b *iampb.Binding) bool {
		return b.Condition == nil && slices.Contains(roles, b.Role) &&
			slices.ContainsFunc(b.Members, func(m string) bool { return slices.Contains(members, m) })
	})
}
