package broker

import "context"

// Stats counts what happened in one subscription since it was created.
type Stats struct {
	Published           int64 // messages that entered, duplicates included
	Filtered            int64 // messages that the filter kept out
	Delivered           int64 // deliveries, redeliveries included
	Redelivered         int64 // deliveries after the first
	RedeliveredAfterAck int64 // of these, those of a message whose ack was dropped or late
	Acked               int64 // messages settled by an acknowledgement
	LateAcks            int64 // acks that came after their lease had ended
	DroppedAcks         int64 // acks swallowed by DropAcks
	Nacked              int64 // leases given back
	Expired             int64 // leases that ran out
	DeadLettered        int64 // messages forwarded to the dead-letter topic
	DeadLetterRefused   int64 // attempts to forward one that failed: no topic, or the service agent lacks a role
	OutOfRetention      int64 // messages dropped because they were too old

	Backlog             int64 // messages not settled now: ready, leased or in backoff
	Outstanding         int64 // messages leased now
	OutstandingBytes    int64
	MaxOutstanding      int64 // the most messages ever leased at once
	MaxOutstandingBytes int64
	Streams             int // open now
}

// Stats returns the counters of the subscription "projects/P/subscriptions/S".
func (s *Server) Stats(subscription string) (Stats, error) {
	sub, err := s.subscription(subscription)
	if err != nil {
		return Stats{}, err
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	out := sub.stats
	out.Backlog = int64(sub.live)
	out.Streams = len(sub.flows)
	return out, nil
}

// WaitIdle waits until every message of the subscription is settled:
// acknowledged, dead-lettered or out of retention.
func (s *Server) WaitIdle(ctx context.Context, subscription string) error {
	sub, err := s.subscription(subscription)
	if err != nil {
		return err
	}
	select {
	case <-sub.whenIdle():
		sub.mu.Lock()
		defer sub.mu.Unlock()
		return sub.closed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whenIdle returns a channel that is closed once nothing is live, or the
// subscription is gone.
func (s *subscription) whenIdle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	if s.closed != nil || s.live == 0 {
		s.wakeWaiters()
	}
	return idle
}
