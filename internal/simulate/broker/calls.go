package broker

import (
	"context"
	"path"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
)

// Call is one request that isn't a stream.
type Call struct {
	Method   string // "CreateTopic"
	Resource string // "projects/P/topics/T"; of a list, the project
	Done     bool   // it has succeeded, but the caller doesn't know yet
}

// OnCall has every call shown to hook twice: before it is carried out, and
// once it has succeeded. What hook returns, if not nil, is the answer: before,
// to a call that has no effect; after, to one that has. nil ends that. Hooks
// may call the server.
func (s *Server) OnCall(hook func(context.Context, Call) error) {
	if hook == nil {
		hook = func(context.Context, Call) error { return nil }
	}
	s.hook.Store(&hook)
}

// Deny takes permissions, such as "pubsub.topics.getIamPolicy", from whoever
// calls; all others stay.
func (s *Server) Deny(permissions ...string) { s.permit(true, permissions) }

// Permit ends Deny.
func (s *Server) Permit(permissions ...string) { s.permit(false, permissions) }

func (s *Server) permit(denied bool, permissions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range permissions {
		s.denied[p] = denied
	}
}

// required are the permissions that a method needs
// (https://cloud.google.com/pubsub/docs/access-control#permissions_and_roles).
func required(method, resource string) []string {
	kind := "subscriptions"
	if strings.Contains(resource, "/topics/") {
		kind = "topics"
	}
	switch method {
	case "CreateTopic", "UpdateTopic", "GetTopic", "DeleteTopic", "ListTopics":
		return []string{"pubsub.topics." + verb(method)}
	case "Publish":
		return []string{"pubsub.topics.publish"}
	case "CreateSubscription":
		return []string{"pubsub.subscriptions.create", "pubsub.topics.attachSubscription"}
	case "UpdateSubscription", "GetSubscription", "DeleteSubscription", "ListSubscriptions":
		return []string{"pubsub.subscriptions." + verb(method)}
	case "Pull", "StreamingPull", "Acknowledge", "ModifyAckDeadline":
		return []string{"pubsub.subscriptions.consume"}
	case "GetIamPolicy", "SetIamPolicy":
		return []string{"pubsub." + kind + "." + strings.ToLower(method[:1]) + method[1:]}
	}
	return nil // TestIamPermissions needs none
}

// verb is the lower-case first word of a method's name.
func verb(method string) string {
	i := strings.IndexAny(method[1:], "ST") + 1
	return strings.ToLower(method[:i])
}

func (s *Server) authorize(method, resource string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.denied) == 0 {
		return nil
	}
	for _, permission := range required(method, resource) {
		if s.denied[permission] {
			return errNotAuthorized
		}
	}
	return nil
}

func (s *Server) interceptUnary(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	call := Call{Method: path.Base(info.FullMethod), Resource: resourceOf(in)}
	hook := *s.hook.Load()
	if err := hook(ctx, call); err != nil {
		return nil, err
	}
	if err := s.authorize(call.Method, call.Resource); err != nil {
		return nil, err
	}
	out, err := next(ctx, in)
	if err != nil {
		return nil, err
	}
	call.Done = true
	if err := hook(ctx, call); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Server) interceptStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := s.authorize(path.Base(info.FullMethod), ""); err != nil {
		return err
	}
	return next(srv, stream)
}

// resourceOf names what a request is about.
func resourceOf(in any) string {
	switch in := in.(type) {
	case *pubsubpb.UpdateTopicRequest:
		return in.GetTopic().GetName()
	case *pubsubpb.UpdateSubscriptionRequest:
		return in.GetSubscription().GetName()
	case interface{ GetName() string }:
		return in.GetName()
	case interface{ GetResource() string }:
		return in.GetResource()
	case interface{ GetTopic() string }:
		return in.GetTopic()
	case interface{ GetSubscription() string }:
		return in.GetSubscription()
	case interface{ GetProject() string }:
		return in.GetProject()
	}
	return ""
}
