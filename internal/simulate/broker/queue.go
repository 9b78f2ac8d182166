package broker

import (
	"container/heap"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// subscription is a queue of messages, their leases, and the streams that
// take them.
type subscription struct {
	server *Server
	name   string
	serial uint64 // the upper 24 bits of its ack ids

	mu       sync.Mutex
	config   *pubsubpb.Subscription // replaced, never changed in place
	filter   filter
	closed   error // set when the subscription is gone
	sequence uint64

	fresh    fifo              // never delivered
	again    fifo              // delivered before; shares the way with fresh, one by one
	backoff  backoffHeap       // waiting for the retry policy
	leases   map[uint64]*entry // by ack id, past ones included until the message is settled
	expiring map[time.Duration]*leaseList
	keys     map[string]*fifo // with ordering: what waits behind the message that is under way
	live     int              // messages that aren't settled
	idle     chan struct{}    // closed when live falls to 0; nil unless somebody waits

	flows    []*flow
	nextFlow int // where the search for a stream to wake begins
	fault    fault
	stats    Stats

	timer *time.Timer
	armed time.Time // when the timer fires; zero if it doesn't
}

// flow is a stream (or a unary pull) and what it holds.
type flow struct {
	maxMessages, maxBytes int64 // 0: no limit
	messages, bytes       int64 // leased to it
	duration              time.Duration
	expires               time.Time // when the stream is too old; zero for a unary pull
	idle                  bool      // waits on wake and must be woken
	pongs                 int       // pings to answer
	wake                  chan struct{}
	over                  bool
	err                   error // why it is over
	ended                 chan struct{}
}

func newFlow(maxMessages, maxBytes int64, duration time.Duration) *flow {
	return &flow{
		maxMessages: max(maxMessages, 0), maxBytes: max(maxBytes, 0), duration: duration,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

func (f *flow) room() bool {
	return (f.maxMessages == 0 || f.messages < f.maxMessages) && (f.maxBytes == 0 || f.bytes < f.maxBytes)
}

func (f *flow) signal() {
	f.idle = false
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// end ends the stream with err, nil for a regular end; only the first call
// counts. The subscription is locked.
func (f *flow) end(err error) {
	if !f.over {
		f.over, f.err = true, err
		close(f.ended)
	}
}

// endFlows ends all streams with err. The subscription is locked.
func (s *subscription) endFlows(err error) {
	for _, f := range s.flows {
		f.end(err)
	}
}

// enqueue takes newly published messages.
func (s *subscription) enqueue(batch []published) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return
	}
	for _, p := range batch {
		if s.filter != nil && !s.filter(p.attributes) {
			s.stats.Filtered++
			continue
		}
		s.stats.Published++
		s.live++
		e := &entry{message: p.message}
		if !s.config.EnableMessageOrdering || p.message.key == "" {
			s.fresh.push(e)
			continue
		}
		if behind, busy := s.keys[p.message.key]; busy {
			behind.push(e)
			continue
		}
		s.keys[p.message.key] = new(fifo)
		s.fresh.push(e)
	}
	s.wakeOne()
}

// wakeOne wakes a stream that waits and has room, if there is work for it. A
// stream that is busy looks for more work by itself.
func (s *subscription) wakeOne() {
	if s.fresh.len()+s.again.len() == 0 || s.fault.frozen {
		return
	}
	for i := range s.flows {
		f := s.flows[(s.nextFlow+i)%len(s.flows)]
		if f.idle && f.room() {
			s.nextFlow = (s.nextFlow + i + 1) % len(s.flows)
			f.signal()
			return
		}
	}
}

// take leases messages to f until a limit is reached and appends them to buf.
// With nothing to take, f is marked idle: wakeOne will wake it. Otherwise the
// caller sends what it got and calls again.
func (s *subscription) take(f *flow, buf []delivery, limit int) (_ []delivery, pongs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.server.now()
	size := 0
	for !s.fault.frozen && s.closed == nil && !f.over && len(buf) < limit && size < maxResponseBytes && f.room() {
		e := s.pop()
		if e == nil {
			break
		}
		if now.Sub(e.message.published) > s.config.MessageRetentionDuration.AsDuration() {
			s.stats.OutOfRetention++
			s.settle(e)
			continue
		}
		if len(buf) > 0 && size+e.message.size > maxResponseBytes {
			s.unpop(e)
			break
		}
		size += e.message.size
		buf = append(buf, s.lease(e, f, now))
	}
	if !s.fault.frozen {
		pongs, f.pongs = f.pongs, 0
	}
	f.idle = len(buf) == 0 && pongs == 0
	if len(buf) > 0 {
		s.wakeOne()
		s.arm()
	}
	return buf, pongs
}

// pop takes the next message: new ones and returned ones by turns, so that
// neither can starve the other.
func (s *subscription) pop() *entry {
	switch {
	case s.again.len() > 0 && (s.fresh.len() == 0 || s.sequence%2 == 0):
		return s.again.pop()
	case s.fresh.len() > 0:
		return s.fresh.pop()
	default:
		return nil
	}
}

// unpop puts back what pop gave last.
func (s *subscription) unpop(e *entry) {
	q := &s.fresh
	if e.attempts > 0 {
		q = &s.again
	}
	if q.head == 0 {
		q.items = append([]*entry{e}, q.items...)
		return
	}
	q.head--
	q.items[q.head] = e
}

func (s *subscription) lease(e *entry, f *flow, now time.Time) delivery {
	s.sequence++
	e.leaseID = s.serial<<40 | s.sequence
	e.attempts++
	e.holder = f
	s.leases[e.leaseID] = e
	s.list(f.duration).add(e, now)
	f.messages++
	f.bytes += int64(e.message.size)
	s.stats.Delivered++
	s.stats.Outstanding++
	s.stats.MaxOutstanding = max(s.stats.MaxOutstanding, s.stats.Outstanding)
	s.stats.OutstandingBytes += int64(e.message.size)
	s.stats.MaxOutstandingBytes = max(s.stats.MaxOutstandingBytes, s.stats.OutstandingBytes)
	if e.attempts > 1 {
		s.stats.Redelivered++
	}
	if e.acked {
		s.stats.RedeliveredAfterAck++
	}
	d := delivery{ackID: e.leaseID, message: e.message}
	if s.config.DeadLetterPolicy != nil {
		d.attempt = e.attempts
	}
	return d
}

func (s *subscription) list(d time.Duration) *leaseList {
	l := s.expiring[d]
	if l == nil {
		l = &leaseList{duration: d}
		s.expiring[d] = l
	}
	return l
}

// unlease ends the current lease and gives the room back to the stream. The
// caller calls wakeOne when it is done.
func (s *subscription) unlease(e *entry) {
	e.list.remove(e)
	e.leaseID = 0
	f := e.holder
	e.holder = nil
	f.messages--
	f.bytes -= int64(e.message.size)
	s.stats.Outstanding--
	s.stats.OutstandingBytes -= int64(e.message.size)
}

// settle forgets a message for good. It isn't leased.
func (s *subscription) settle(e *entry) {
	for _, id := range e.past {
		delete(s.leases, id)
	}
	if behind := s.keys[e.message.key]; behind != nil && s.config.EnableMessageOrdering {
		if behind.len() > 0 {
			s.fresh.push(behind.pop())
		} else {
			delete(s.keys, e.message.key)
		}
	}
	s.live--
	if s.live == 0 {
		s.wakeWaiters()
	}
}

// wakeWaiters ends every WaitIdle.
func (s *subscription) wakeWaiters() {
	if s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// giveBack ends a lease without an acknowledgement and makes the message
// available again, at once or by the retry policy. It reports false if the
// attempts are used up instead.
func (s *subscription) giveBack(e *entry, now time.Time) bool {
	e.past = append(e.past, e.leaseID)
	s.unlease(e)
	if d := s.config.DeadLetterPolicy; d != nil && e.attempts >= d.MaxDeliveryAttempts {
		return false
	}
	s.retry(e, now)
	return true
}

func (s *subscription) retry(e *entry, now time.Time) {
	if delay := s.delay(e.attempts); delay > 0 {
		e.availableAt = now.Add(delay)
		heap.Push(&s.backoff, e)
	} else {
		s.again.push(e)
	}
}

// delay is the retry policy's: exponential between its bounds.
func (s *subscription) delay(attempts int32) time.Duration {
	r := s.config.RetryPolicy
	if r == nil {
		return 0
	}
	d, high := r.MinimumBackoff.AsDuration(), r.MaximumBackoff.AsDuration()
	for i := int32(1); i < attempts && d < high; i++ {
		d *= 2
	}
	return min(d, high)
}
