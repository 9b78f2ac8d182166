package simulate

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// LifecycleKind is what a lifecycle event tells of a subscription.
type LifecycleKind string

// The lifecycle events (fact sheet §3.5).
const (
	LifecycleSuspended LifecycleKind = "suspended"
	LifecycleReminder  LifecycleKind = "expirationReminder"
	LifecycleExpired   LifecycleKind = "expired"
)

// LifecycleKinds lists all.
func LifecycleKinds() []LifecycleKind {
	return []LifecycleKind{LifecycleSuspended, LifecycleReminder, LifecycleExpired}
}

// LifecycleEvent is a lifecycle event in the [Truth].
type LifecycleEvent struct {
	ID           string // ce-id, a UUID
	Kind         LifecycleKind
	Subscription string // "subscriptions/S"
	Topic        string
	Time         time.Time
	Published    bool // false if it was withheld, or the endpoint didn't take it
}

// Withhold keeps lifecycle events of these kinds back for good, as Google may;
// without arguments none any more.
func (w *Workspace) Withhold(kinds ...LifecycleKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opts.Withhold = kinds
}

// Tick lets happen what an injected clock has brought: reminders and
// expiries. Every call and every change does so too.
func (w *Workspace) Tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(w.state.now())
}

// advance lets happen what is due, in its order. The lock is held.
func (w *Workspace) advance(now time.Time) {
	for {
		d, found := w.subs.popDue(now)
		if !found {
			break
		}
		if d.at.Before(d.s.expireTime) {
			w.tell(LifecycleReminder, d.s, d.at)
			w.subs.schedule(d.s, d.at)
			continue
		}
		w.tell(LifecycleExpired, d.s, d.s.expireTime)
		w.subs.remove(d.s, d.s.expireTime)
	}
	w.setAlarm()
}

// alarm wakes a Workspace on the wall clock for what is due next.
type alarm struct {
	timer *time.Timer
	at    time.Time
}

func (w *Workspace) setAlarm() {
	if !w.wallClock || w.emitter.closed || len(w.subs.dues) == 0 {
		return
	}
	next := &alarm{at: w.subs.dues[0].at}
	if w.alarm != nil && w.alarm.at.Equal(next.at) {
		return
	}
	w.stopAlarm()
	w.alarm = next
	w.emitter.timers.Add(1)
	next.timer = time.AfterFunc(next.at.Sub(w.state.now()), func() {
		defer w.emitter.timers.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.alarm != next { // another has been set, or the Workspace closed
			return
		}
		w.alarm = nil
		w.advance(w.state.now())
	})
}

func (w *Workspace) stopAlarm() {
	if w.alarm != nil && w.alarm.timer.Stop() {
		w.emitter.timers.Done()
	}
	w.alarm = nil
}

// tell publishes a lifecycle event, unless it is withheld or the endpoint is
// what the subscription suffers from. Whether a suspended subscription's
// owner is reminded isn't documented; here it isn't.
func (w *Workspace) tell(kind LifecycleKind, s *subscription, at time.Time) {
	if kind != LifecycleSuspended && s.state == subSuspended || strings.HasPrefix(s.reason, "ENDPOINT_") {
		return
	}
	sum := w.state.sum("lifecycle")
	x := hex.EncodeToString(sum[:16])
	entry := LifecycleEvent{
		ID:   fmt.Sprintf("%s-%s-%s-%s-%s", x[:8], x[8:12], x[12:16], x[16:20], x[20:]),
		Kind: kind, Subscription: s.name, Topic: s.topic, Time: at,
	}
	if !slices.Contains(w.opts.Withhold, kind) && !w.emitter.closed {
		about := "//workspaceevents.googleapis.com/" + s.name
		m := cloudEvent(entry.ID, events.LifecyclePrefix+string(kind), s.name, about, at, w.lifecycleData(kind, s))
		_, err := w.emitter.publisher.Publish(s.topic, m)
		entry.Published = err == nil
	}
	w.truth.Lifecycle = append(w.truth.Lifecycle, entry)
}

// lifecycleData is as in Google's samples, which have snake_case; camelCase is
// what all other payloads have.
func (w *Workspace) lifecycleData(kind LifecycleKind, s *subscription) []byte {
	snake, camel, value := "expire_time", "expireTime", stamp(s.expireTime)
	if kind == LifecycleSuspended {
		snake, camel, value = "suspension_reason", "suspensionReason", s.reason
	}
	key := snake
	if w.opts.CamelCase {
		key = camel
	}
	data, err := json.Marshal(map[string]any{"subscription": map[string]string{"name": s.name, key: value}})
	if err != nil {
		panic(fmt.Sprintf("encode a lifecycle event: %v", err)) // only strings come here
	}
	return data
}
