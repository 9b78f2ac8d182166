package broker

import (
	"container/heap"
	"maps"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// acknowledge settles the messages that are still leased under the given ids.
// An id whose lease has ended does nothing, as with Google: the message stays.
func (s *subscription) acknowledge(ids []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		e := s.leases[id]
		switch {
		case e == nil: // settled before
		case e.leaseID != id:
			s.stats.LateAcks++
			e.acked = true
		case s.fault.dropAcks > 0:
			s.fault.dropAcks--
			s.stats.DroppedAcks++
			e.acked = true
		default:
			s.stats.Acked++
			s.unlease(e)
			delete(s.leases, id)
			s.settle(e)
		}
	}
	s.wakeOne()
}

// modify sets new deadlines, counted from now. Zero gives the message back.
func (s *subscription) modify(ids []uint64, d time.Duration) {
	s.mu.Lock()
	now := s.server.now()
	var dead []*entry
	for _, id := range ids {
		e := s.leases[id]
		if e == nil || e.leaseID != id {
			continue
		}
		if d > 0 {
			e.list.remove(e)
			s.list(d).add(e, now)
			continue
		}
		s.stats.Nacked++
		if !s.giveBack(e, now) {
			dead = append(dead, e)
		}
	}
	s.wakeOne()
	s.arm()
	s.mu.Unlock()
	s.bury(dead)
}

// tick does what has fallen due: leases that expire, backoffs that end,
// streams that are too old.
func (s *subscription) tick() {
	s.mu.Lock()
	s.armed = time.Time{}
	if s.closed != nil {
		s.mu.Unlock()
		return
	}
	now := s.server.now()
	var dead []*entry
	for _, l := range s.expiring {
		for l.head != nil && !l.head.deadline.After(now) {
			e := l.head
			s.stats.Expired++
			if !s.giveBack(e, now) {
				dead = append(dead, e)
			}
		}
	}
	for len(s.backoff) > 0 && !s.backoff[0].availableAt.After(now) {
		s.again.push(heap.Pop(&s.backoff).(*entry))
	}
	for _, f := range s.flows {
		if !f.expires.IsZero() && !f.expires.After(now) {
			f.end(errAged)
		}
	}
	s.wakeOne()
	s.arm()
	s.mu.Unlock()
	s.bury(dead)
}

// arm sets the timer for the earliest thing that will fall due. The caller
// holds the lock.
func (s *subscription) arm() {
	if s.server.driven || s.closed != nil {
		return
	}
	var due time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	for _, l := range s.expiring {
		if l.head != nil {
			sooner(l.head.deadline)
		}
	}
	if len(s.backoff) > 0 {
		sooner(s.backoff[0].availableAt)
	}
	for _, f := range s.flows {
		sooner(f.expires)
	}
	if due.IsZero() || (!s.armed.IsZero() && !due.Before(s.armed)) {
		return // a timer that fires early sets itself again
	}
	s.armed = due
	wait := due.Sub(s.server.now())
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.tick)
		return
	}
	s.timer.Reset(wait)
}

// bury forwards messages to the dead-letter topic. They count as live until
// that is done; if the topic is gone or the service agent may not move them,
// they are delivered again, as with Google.
func (s *subscription) bury(dead []*entry) {
	for _, e := range dead {
		err := s.forward(e)
		s.mu.Lock()
		if err == nil {
			s.stats.DeadLettered++
			s.settle(e)
		} else {
			s.stats.DeadLetterRefused++
			s.retry(e, s.server.now())
			s.arm()
		}
		s.wakeOne()
		s.mu.Unlock()
	}
}

func (s *subscription) forward(e *entry) error {
	s.mu.Lock()
	policy := s.config.DeadLetterPolicy
	s.mu.Unlock()
	if policy == nil { // taken away a moment ago
		return notFound(s.name)
	}
	agent := ServiceAgent(projectOf(s.name))
	if !s.server.holds(agent, PublisherRole, policy.DeadLetterTopic) || !s.server.holds(agent, SubscriberRole, s.name) {
		return errNotAuthorized
	}
	m, err := e.message.decode()
	if err != nil {
		return err
	}
	attributes := map[string]string{}
	maps.Copy(attributes, m.Attributes)
	attributes[deadLetterAttributes+"DeliveryCount"] = strconv.Itoa(int(e.attempts))
	attributes[deadLetterAttributes+"Subscription"] = shortName(s.name)
	attributes[deadLetterAttributes+"SubscriptionProject"] = projectOf(s.name)
	attributes[deadLetterAttributes+"TopicPublishTime"] = e.message.published.UTC().Format(time.RFC3339Nano)
	_, err = s.server.publish(policy.DeadLetterTopic, []*pubsubpb.PubsubMessage{
		{Data: e.message.data, Attributes: attributes, OrderingKey: m.OrderingKey},
	}, internalPublish)
	return err
}

// close ends the subscription and its streams with err.
func (s *subscription) close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = err
	s.endFlows(err)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.wakeWaiters()
}
