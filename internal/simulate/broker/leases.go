package broker

import "time"

// entry is one message in one subscription, from publish until it is settled.
type entry struct {
	message     *message
	attempts    int32 // deliveries so far
	acked       bool  // the server was told so, but too late or in vain (DropAcks)
	past        []uint64
	leaseID     uint64 // the ack id of the current lease; 0 when there is none
	holder      *flow  // the stream that the lease was given to
	deadline    time.Time
	list        *leaseList
	prev, next  *entry
	availableAt time.Time // while in backoff
}

// leaseList is a chain of leases with the same duration. Leases enter at the
// tail with deadline now + duration, so the head is always the next to expire:
// giving, extending and ending a lease are O(1), and nothing is left behind.
type leaseList struct {
	duration   time.Duration
	head, tail *entry
}

func (l *leaseList) add(e *entry, now time.Time) {
	e.list, e.deadline = l, now.Add(l.duration)
	e.prev, e.next = l.tail, nil
	if l.tail == nil {
		l.head = e
	} else {
		l.tail.next = e
	}
	l.tail = e
}

func (l *leaseList) remove(e *entry) {
	if e.prev == nil {
		l.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.list, e.prev, e.next = nil, nil, nil
}

// fifo is a queue of entries.
type fifo struct {
	items []*entry
	head  int
}

func (q *fifo) len() int { return len(q.items) - q.head }

func (q *fifo) push(e *entry) { q.items = append(q.items, e) }

func (q *fifo) pop() *entry {
	e := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	if q.head > 1024 && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return e
}

// backoffHeap orders entries by the time they become available again
// (container/heap).
type backoffHeap []*entry

func (h backoffHeap) Len() int           { return len(h) }
func (h backoffHeap) Less(i, j int) bool { return h[i].availableAt.Before(h[j].availableAt) }
func (h backoffHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *backoffHeap) Push(x any)        { *h = append(*h, x.(*entry)) }
func (h *backoffHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
