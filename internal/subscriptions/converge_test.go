package subscriptions_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Whatever happens at Google and to us, in any order: when it stops and people
// have mended what only they can, three passes bring everything in order, and
// never are there two live subscriptions for one target (row L6).
func TestConverges(t *testing.T) {
	t.Parallel()
	hundreds := 1
	if storetest.Full() {
		hundreds = 50
	}
	for i := range hundreds {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // each of a hundred sequences
			rapid.Check(t, func(rt *rapid.T) { disturbAndCalm(t, rt) })
		})
	}
}

// longestWait is how late something that people have mended may be noticed.
const longestWait = time.Hour

func disturbAndCalm(t *testing.T, rt *rapid.T) {
	w := newDisturbed(t, rt)
	defer func() {
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
	}()
	rt.Repeat(w.disturbances())
	w.calm(rt)
	w.clock.Advance(longestWait)
	var last subscriptions.Report
	for range 3 {
		last = w.mustPass(rt)
		w.clock.Advance(5 * time.Minute)
	}
	w.check(rt)
	w.checkOrder(rt, last)
}

// disturbed is a Workspace in which everything goes wrong.
type disturbed struct {
	*env
	t         *testing.T              // of the whole test
	all       []subscriptions.Desired // list, and what isn't wanted for a while
	others    map[string]bool
	operation *simulate.OperationError // how the next write's operation ends; guarded by the API's lock
	byHand    bool                     // a person is calling
	violation string                   // by a keeper
	gone      map[string]bool          // spaces that are deleted
}

func newDisturbed(t *testing.T, rt *rapid.T) *disturbed {
	s, err := openEnv(t.Context(), simulate.Options{
		Spaces: 4, Users: 2, Withhold: simulate.LifecycleKinds(), BareConflicts: rapid.Bool().Draw(rt, "bare conflicts"),
	})
	if err != nil {
		rt.Fatal(err)
	}
	w := &disturbed{env: s, t: t, others: map[string]bool{}, gone: map[string]bool{}}
	w.SetEventsFaults(w.watch)
	// One space isn't ours to watch: a colleague made its subscription with
	// our credentials, on our topic. Others watch a space of ours.
	unwatched := w.list[3].Scope
	w.list = w.list[:3]
	w.all = w.list
	for _, f := range []simulate.Unmanaged{
		{Target: target(unwatched)},
		{Target: target(w.list[0].Scope), User: w.Users()[0]},
		{Target: target(w.list[0].Scope), App: "123456789012"},
	} {
		f.Topic, f.EventTypes = w.list[0].Topic, config.EventTypes()
		name, err := w.AddUnmanaged(f)
		if err != nil {
			rt.Fatal(err)
		}
		w.others[name] = true
	}
	return w
}

// watch sees every call, one at a time.
func (w *disturbed) watch(c simulate.EventsCall) simulate.EventsFault {
	if reads(c.Method) || w.byHand {
		return simulate.EventsFault{}
	}
	if c.Method == "subscriptions.delete" || w.others[c.Name] {
		w.violation = c.Method + " of " + c.Name
	}
	f := simulate.EventsFault{Operation: w.operation}
	w.operation = nil
	return f
}

// pass lets a keeper that has just been started make one pass.
func (w *disturbed) pass(skew time.Duration, mishaps []mishap) (subscriptions.Report, error) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	way := &flaky{next: conformancetest.Check(w.t, w.InProcess()), stop: cancel, mishaps: mishaps}
	k, err := w.replica(ctx, way, skew)
	if err != nil {
		return subscriptions.Report{}, err
	}
	return k.Pass(ctx)
}

func (w *disturbed) mustPass(rt rapid.TB) subscriptions.Report {
	r, err := w.pass(0, nil)
	if err != nil {
		rt.Fatalf("pass: %v", err)
	}
	return r
}

// calm ends all disturbances and does what only people can.
func (w *disturbed) calm(rt *rapid.T) {
	for _, c := range projectConditions() {
		w.SetCondition(c, false)
	}
	w.operation = nil
	w.SetOperationDelay(0)
	w.memory.setAway(false)
	w.clock.Advance(10 * time.Minute) // operations that are under way end
	for _, d := range w.list {
		if !slices.Contains(w.Members(d.Scope), w.App()) {
			_ = w.AddMembers(d.Scope, w.App()) // there may be no such space
		}
	}
	found, err := w.person(rt).List(w.t.Context())
	if err != nil {
		rt.Fatal(err)
	}
	for _, s := range found {
		lost := w.Mend(s.Name) != nil // for good, which the remedy tells
		i := slices.IndexFunc(w.list, func(d subscriptions.Desired) bool { return d.Scope == s.Scope() })
		if i >= 0 && (s.Topic != w.list[i].Topic || !s.IncludeResource || lost) {
			w.deleteByHand(rt, s.Name)
		}
	}
}

// check is what holds at any time.
func (w *disturbed) check(rt *rapid.T) {
	if w.violation != "" {
		rt.Fatalf("a keeper did %s", w.violation)
	}
	for _, d := range w.list {
		if n := w.MaxLive(target(d.Scope)); n > 1 {
			rt.Fatalf("%s had %d live subscriptions at once: %v", d.Scope, n, w.Coverage(target(d.Scope)))
		}
	}
}

// checkOrder is what holds once everything has settled.
func (w *disturbed) checkOrder(rt *rapid.T, last subscriptions.Report) {
	found, err := w.person(rt).List(w.t.Context())
	if err != nil {
		rt.Fatal(err)
	}
	for _, d := range w.list {
		seen := w.memory.state(d.Scope)
		if w.gone[d.Scope] {
			if !seen.Parked || seen.Remedy == "" {
				rt.Errorf("%s is deleted, but its state is %+v", d.Scope, seen)
			}
			continue
		}
		if seen.State != "ACTIVE" || seen.Parked || seen.Error != "" || seen.Remedy != "" {
			rt.Errorf("%s: its state is %+v", d.Scope, seen)
		}
		i := slices.IndexFunc(found, func(s subscriptions.Subscription) bool { return s.Scope() == d.Scope })
		if i < 0 {
			rt.Errorf("%s has no subscription", d.Scope)
			continue
		}
		s := found[i]
		if s.State != subscriptions.StateActive || s.Topic != d.Topic || !s.IncludeResource || s.Name != seen.Name ||
			!slices.Equal(s.EventTypes, slices.Sorted(slices.Values(d.EventTypes))) {
			rt.Errorf("%s: got %+v", d.Scope, s)
		}
	}
	if len(w.gone) > 0 {
		return
	}
	if last.Failed+last.Parked+last.Left > 0 {
		rt.Errorf("the last pass says %+v", last)
	}
	before := w.writes()
	if r := w.mustPass(rt); w.writes() > before+r.Actions[subscriptions.Renew] {
		rt.Errorf("another pass does more than to renew although all is in order: %+v", r)
	}
}
