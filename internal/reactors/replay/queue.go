package replay

import (
	"cmp"
	"container/heap"
	"time"
)

// queue orders the runs that wait by when they are due. Where that is the
// same, the one of the older event comes first: it speaks for a group.
type queue struct{ list byDue }

// put adds a run, or moves it to where its due time belongs.
func (q *queue) put(h *held) {
	if h.place >= 0 {
		heap.Fix(&q.list, h.place)
		return
	}
	heap.Push(&q.list, h)
}

func (q *queue) remove(h *held) {
	if h.place >= 0 {
		heap.Remove(&q.list, h.place)
	}
}

// next is the first run; ok is false if there is none or if it is due
// later than a time, or, if before is set, not before it.
func (q *queue) next(until time.Time, before bool) (h *held, ok bool) {
	if len(q.list) == 0 {
		return nil, false
	}
	h = q.list[0]
	if c := h.run.Due.Compare(until); c > 0 || c == 0 && before {
		return nil, false
	}
	return h, true
}

// byDue implements heap.Interface.
type byDue []*held

func (b byDue) Len() int { return len(b) }

func (b byDue) Less(i, j int) bool {
	return compareDue(b[i], b[j]) < 0
}

func (b byDue) Swap(i, j int) {
	b[i], b[j] = b[j], b[i]
	b[i].place, b[j].place = i, j
}

func (b *byDue) Push(x any) {
	h := x.(*held)
	h.place = len(*b)
	*b = append(*b, h)
}

func (b *byDue) Pop() any {
	last := len(*b) - 1
	h := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	h.place = -1
	return h
}

func compareDue(a, b *held) int {
	return cmp.Or(a.run.Due.Compare(b.run.Due), a.run.EventTime.Compare(b.run.EventTime), cmp.Compare(a.run.ID, b.run.ID))
}
