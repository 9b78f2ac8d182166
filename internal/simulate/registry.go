package simulate

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"
)

// registry holds the Workspace Events subscriptions. The Workspace's lock
// guards it.
//
//	create ──▶ (operation pending) ──▶ ACTIVE ⇄ SUSPENDED
//	                                      │         │
//	                                      ▼         ▼
//	                               deleted, by call or at its expiry
type registry struct {
	byName   map[string]*subscription
	byUID    map[string]*subscription
	names    []string                   // sorted, for lists
	bySpace  map[string][]*subscription // those of a single space, by target
	wide     []*subscription            // those of all spaces, a user or the customer
	made     int                        // ever, for uids
	dues     dues
	coverage map[string][]Interval // by target, oldest first

	operations     map[string]*operation
	latest         map[string]*operation // by subscription
	operationsMade int
}

func (reg *registry) init() {
	reg.byName = map[string]*subscription{}
	reg.byUID = map[string]*subscription{}
	reg.bySpace = map[string][]*subscription{}
	reg.coverage = map[string][]Interval{}
	reg.operations = map[string]*operation{}
	reg.latest = map[string]*operation{}
}

// isWide tells a target of several spaces.
func isWide(target string) bool {
	return target == allSpaces || !strings.HasPrefix(target, spaceTarget("spaces/"))
}

func (reg *registry) add(s *subscription) {
	reg.made++
	s.uid = fmt.Sprintf("uid-%s-%d", strings.TrimPrefix(s.name, "subscriptions/"), reg.made)
	s.rendered = nil
	reg.byName[s.name] = s
	reg.byUID[s.uid] = s
	at, _ := slices.BinarySearch(reg.names, s.name)
	reg.names = slices.Insert(reg.names, at, s.name)
	if isWide(s.target) {
		reg.wide = append(reg.wide, s)
	} else {
		reg.bySpace[s.target] = append(reg.bySpace[s.target], s)
	}
	reg.schedule(s, s.createTime)
	reg.goLive(s, s.liveFrom)
}

// remove deletes the subscription for good.
func (reg *registry) remove(s *subscription, at time.Time) {
	reg.goDark(s, at)
	delete(reg.byName, s.name)
	delete(reg.byUID, s.uid)
	if i, found := slices.BinarySearch(reg.names, s.name); found {
		reg.names = slices.Delete(reg.names, i, i+1)
	}
	same := func(other *subscription) bool { return other == s }
	if isWide(s.target) {
		reg.wide = slices.DeleteFunc(reg.wide, same)
		return
	}
	if reg.bySpace[s.target] = slices.DeleteFunc(reg.bySpace[s.target], same); len(reg.bySpace[s.target]) == 0 {
		delete(reg.bySpace, s.target)
	}
}

// holds reports whether the subscription hasn't been deleted yet.
func (reg *registry) holds(s *subscription) bool { return reg.byName[s.name] == s }

// find looks a live subscription up by its id or its uid.
func (reg *registry) find(id string, now time.Time) *subscription {
	s := reg.byName["subscriptions/"+id]
	if s == nil {
		s = reg.byUID[id]
	}
	if s == nil || now.Before(s.liveFrom) {
		return nil
	}
	return s
}

// due is the next thing that the clock brings to a subscription: a reminder
// or its end.
type due struct {
	at   time.Time
	s    *subscription
	life int // of the subscription, when this was planned
}

// dues is a heap, soonest first.
type dues []due

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)        { *d = append(*d, x.(due)) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// reminders is how long before its expiry a subscription's owner is reminded.
var reminders = [...]time.Duration{12 * time.Hour, time.Hour}

// schedule plans what the clock brings to the subscription after the given
// time.
func (reg *registry) schedule(s *subscription, after time.Time) {
	next := s.expireTime
	for _, before := range reminders {
		if at := s.expireTime.Add(-before); at.After(after) {
			next = at
			break
		}
	}
	heap.Push(&reg.dues, due{next, s, s.lives})
}

// popDue takes the next thing that is due by now and still holds.
func (reg *registry) popDue(now time.Time) (due, bool) {
	for len(reg.dues) > 0 && !reg.dues[0].at.After(now) {
		d := heap.Pop(&reg.dues).(due)
		if d.life == d.s.lives && reg.holds(d.s) {
			return d, true
		}
	}
	return due{}, false
}
