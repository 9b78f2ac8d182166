package broker

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fault is what is wrong with a subscription, on purpose.
type fault struct {
	refusal  error // answers every pull, acknowledgement and deadline change
	frozen   bool  // streams are accepted and stay silent
	dropAcks int   // acknowledgements still to be swallowed
}

// FailStreams ends the open streams of the subscription with code and answers
// every further pull, acknowledgement and deadline change with it, until
// Heal: what a consumer sees when the subscription is deleted (NotFound), its
// role is taken away (PermissionDenied) or the service is away (Unavailable).
func (s *Server) FailStreams(name string, code codes.Code) error {
	err := status.Errorf(code, "refused by order (resource=%s)", shortName(name))
	return s.withSubscription(name, func(sub *subscription) {
		sub.fault.refusal = err
		sub.endFlows(err)
	})
}

// FreezeStreams makes open and new streams fall silent, until Heal: they send
// no messages, don't answer pings and ignore that the client half-closes them.
func (s *Server) FreezeStreams(name string) error {
	return s.withSubscription(name, func(sub *subscription) { sub.fault.frozen = true })
}

// Heal ends FailStreams and FreezeStreams. Streams that were frozen are
// broken with UNAVAILABLE, as a network that comes back does.
func (s *Server) Heal(name string) error {
	return s.withSubscription(name, func(sub *subscription) {
		if sub.fault.frozen {
			sub.endFlows(errShutdown)
		}
		sub.fault.refusal, sub.fault.frozen = nil, false
	})
}

// BreakStreams ends the open streams with UNAVAILABLE, once.
func (s *Server) BreakStreams(name string) error {
	return s.withSubscription(name, func(sub *subscription) { sub.endFlows(errShutdown) })
}

// DropAcks swallows the next n acknowledgements, answering them with success:
// the messages come again when their leases run out.
func (s *Server) DropAcks(name string, n int) error {
	return s.withSubscription(name, func(sub *subscription) { sub.fault.dropAcks += n })
}

// Duplicate stores each of the next n messages that are published to the topic
// twice, the second time under another message id.
func (s *Server) Duplicate(topic string, n int) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.topics[topic]
	if t == nil {
		return notFound(topic)
	}
	t.duplicates.Add(int64(n))
	return nil
}

func (s *Server) withSubscription(name string, do func(*subscription)) error {
	sub, err := s.subscription(name)
	if err != nil {
		return err
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	do(sub)
	return nil
}
