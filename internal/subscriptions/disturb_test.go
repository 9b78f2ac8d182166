package subscriptions_test

import (
	"errors"
	"slices"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// disturbances are what may happen; rapid chooses.
func (w *disturbed) disturbances() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": w.check,
		"a pass": func(rt *rapid.T) {
			_, _ = w.pass(drawSkew(rt), drawMishaps(rt)) // how it fares is up to the mishaps
		},
		"two passes at once": func(rt *rapid.T) {
			var both sync.WaitGroup
			for range 2 {
				skew, mishaps := drawSkew(rt), drawMishaps(rt)
				both.Go(func() { _, _ = w.pass(skew, mishaps) })
			}
			both.Wait()
		},
		"passes for a while": func(rt *rapid.T) {
			for range rapid.IntRange(2, 12).Draw(rt, "passes") {
				_, _ = w.pass(0, nil)
				w.clock.Advance(10 * time.Minute)
			}
		},
		"time passes": func(rt *rapid.T) {
			w.clock.Advance(time.Duration(rapid.IntRange(1, 5*60).Draw(rt, "minutes")) * time.Minute)
		},
		"suspended": func(rt *rapid.T) {
			_ = w.Suspend(w.drawName(rt), rapid.SampledFrom(simulate.SuspensionReasons()).Draw(rt, "reason"))
		},
		"mended":  func(rt *rapid.T) { _ = w.Mend(w.drawName(rt)) },
		"expired": func(rt *rapid.T) { _ = w.ExpireAfter(w.drawName(rt), 0) },
		"cut short": func(rt *rapid.T) {
			_ = w.ExpireAfter(w.drawName(rt), time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes"))*time.Minute)
		},
		"deleted by hand":     func(rt *rapid.T) { w.deleteByHand(rt, w.drawName(rt)) },
		"reactivated by hand": func(rt *rapid.T) { w.reactivateByHand(rt, w.drawName(rt)) },
		"made by hand":        w.makeByHand,
		"configured anew": func(rt *rapid.T) {
			d := &w.list[rapid.IntRange(0, len(w.list)-1).Draw(rt, "space")]
			d.EventTypes = config.EventTypes()[:rapid.IntRange(1, len(config.EventTypes())).Draw(rt, "types")]
		},
		"less or more wanted": func(*rapid.T) { w.list = w.all[:5-len(w.list)] }, // two or three
		"app removed":         func(rt *rapid.T) { _ = w.RemoveMember(w.drawSpace(rt), w.App()) },
		"app added":           func(rt *rapid.T) { _ = w.AddMembers(w.drawSpace(rt), w.App()) },
		"space deleted": func(rt *rapid.T) {
			if rapid.IntRange(0, 4).Draw(rt, "really") > 0 {
				rt.Skip()
			}
			space := w.drawSpace(rt)
			if w.DeleteSpace(space) == nil {
				w.gone[space] = true
			}
		},
		"project": func(rt *rapid.T) {
			w.SetCondition(rapid.SampledFrom(projectConditions()).Draw(rt, "condition"), rapid.Bool().Draw(rt, "holds"))
		},
		"operations take": func(rt *rapid.T) {
			w.SetOperationDelay(rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, 10 * time.Minute}).Draw(rt, "delay"))
		},
		"operation fails": func(rt *rapid.T) {
			w.operation = &simulate.OperationError{Code: rapid.SampledFrom([]int64{6, 7, 8, 10, 13}).Draw(rt, "code"), Message: "Not today."}
		},
		"lifetimes": func(rt *rapid.T) {
			w.SetTTL(simulate.TTL{Data: rapid.SampledFrom([]time.Duration{time.Hour, 4 * time.Hour, 24 * time.Hour}).Draw(rt, "granted")})
		},
		"the state store is away": func(rt *rapid.T) { w.memory.setAway(rapid.Bool().Draw(rt, "away")) },
	}
}

func projectConditions() []simulate.Condition {
	return []simulate.Condition{
		simulate.Unauthenticated, simulate.EventsAPIDisabled, simulate.AppNotConfigured, simulate.ScopesMissing, simulate.ApprovalMissing,
	}
}

func drawSkew(rt *rapid.T) time.Duration {
	return time.Duration(rapid.SampledFrom([]int{0, 0, -90, 90}).Draw(rt, "skew in minutes")) * time.Minute
}

func (w *disturbed) drawSpace(rt *rapid.T) string {
	return w.all[rapid.IntRange(0, len(w.all)-1).Draw(rt, "space")].Scope
}

// drawName is the last subscription of a space, which may be gone; "" if there
// never was one.
func (w *disturbed) drawName(rt *rapid.T) string {
	for _, i := range slices.Backward(w.Coverage(target(w.drawSpace(rt)))) {
		if !i.OtherOwner {
			return i.Subscription
		}
	}
	return ""
}

// makeByHand is a colleague who uses our credentials; their idea of a
// subscription may be another.
func (w *disturbed) makeByHand(rt *rapid.T) {
	space := w.drawSpace(rt)
	if w.gone[space] {
		rt.Skip()
	}
	f := simulate.Unmanaged{Target: target(space), Topic: w.list[0].Topic, EventTypes: config.EventTypes(), IncludeResource: true}
	switch rapid.IntRange(0, 3).Draw(rt, "what differs") {
	case 1:
		f.EventTypes = f.EventTypes[:3]
	case 2:
		f.Topic += "-2"
	case 3:
		f.IncludeResource = false
	}
	_, _ = w.AddUnmanaged(f) // there may be one
}

// makeLike is a colleague who uses our credentials and has the same idea of a
// subscription.
func (w *disturbed) makeLike(tb rapid.TB, space string) {
	if _, err := w.AddUnmanaged(simulate.Unmanaged{
		Target: target(space), Topic: w.list[0].Topic, EventTypes: config.EventTypes(), IncludeResource: true,
	}); err != nil {
		tb.Fatal(err)
	}
}

func (w *disturbed) person(rt rapid.TB) *subscriptions.Manager {
	m, err := subscriptions.New(w.t.Context(), subscriptions.Options{
		Endpoint: w.WorkspaceEventsEndpoint(), Transport: w.InProcess(), Now: w.clock.Now, Wait: w.clock.Wait,
	})
	if err != nil {
		rt.Fatal(err)
	}
	return m
}

func (w *disturbed) deleteByHand(tb rapid.TB, name string) {
	w.colleague(tb, subscriptions.Prune, name)
}

func (w *disturbed) reactivateByHand(tb rapid.TB, name string) {
	w.colleague(tb, subscriptions.Reactivate, name)
}

// colleague does something by hand, and may be refused.
func (w *disturbed) colleague(tb rapid.TB, kind subscriptions.Kind, name string) {
	w.byHand = true
	defer func() { w.byHand = false }()
	w.person(tb).Do(w.t.Context(), subscriptions.Action{
		Kind: kind, Actual: &subscriptions.Subscription{Name: name},
	})
}

var errAway = errors.New("the database is away")

// setAway makes the StateStore fail, or no longer.
func (m *memory) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = nil
	if away {
		m.away = errAway
	}
}
