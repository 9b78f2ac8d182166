package subscriptions_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// namesOnly applies with content and then plans without, which is a
// replacement.
func namesOnly(t *testing.T, s *stage) subscriptions.Action {
	t.Helper()
	want := s.desired()
	if _, err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	want[0].IncludeResource = false
	return s.plan(t, want)[0]
}

func (s *stage) plan(t *testing.T, want []subscriptions.Desired) []subscriptions.Action {
	t.Helper()
	there, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return subscriptions.Plan(want, there, subscriptions.View{})
}

// only reads the one subscription that there is.
func (s *stage) only(t *testing.T) subscriptions.Subscription {
	t.Helper()
	there, err := s.List(t.Context())
	if err != nil || len(there) != 1 {
		t.Fatalf("got %d subscriptions, %v; want one", len(there), err)
	}
	return there[0]
}

func TestReplace(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	a := namesOnly(t, s)
	if a.Kind != subscriptions.Replace {
		t.Fatalf("got %s, want replace", a.Kind)
	}
	old := s.only(t)
	r := s.Do(t.Context(), a)
	if r.Err != nil || r.Outcome != subscriptions.Replaced || r.Subscription.IncludeResource {
		t.Errorf("got %s, %v, %+v", r.Outcome, r.Err, r.Subscription)
	}
	if got := s.only(t); got.IncludeResource || got.UID == old.UID {
		t.Errorf("got %+v", got)
	}
	// The same action once more is a second apply that listed before.
	if r := s.Do(t.Context(), a); r.Err != nil || r.Outcome != subscriptions.Adopted {
		t.Errorf("the second time: got %s, %v", r.Outcome, r.Err)
	}
}

// Where Google wouldn't take the new one, the old one stays.
func TestReplaceValidatesFirst(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	a := namesOnly(t, s)
	old := s.only(t)
	s.workspace.SetCondition(simulate.ApprovalMissing, true)
	r := s.Do(t.Context(), a)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "administrator") || !strings.Contains(r.Err.Error(), a.Desired.Scope) {
		t.Errorf("got %s, %v", r.Outcome, r.Err)
	}
	if got := s.only(t); got.UID != old.UID {
		t.Errorf("it was replaced all the same: %+v", got)
	}
}

// A replacement of what has been renewed since it was listed is still wanted;
// one of what somebody else has replaced is not.
func TestReplaceWhatHasChanged(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	a := namesOnly(t, s)
	if r := s.Do(t.Context(), subscriptions.Action{Kind: subscriptions.Renew, Desired: a.Desired, Actual: a.Actual}); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := s.Do(t.Context(), a); r.Err != nil || r.Outcome != subscriptions.Replaced {
		t.Errorf("after a renewal: got %s, %v", r.Outcome, r.Err)
	}
	other := s.plan(t, s.desired())[0] // back again
	if r := s.Do(t.Context(), other); r.Err != nil {
		t.Fatal(r.Err)
	}
	theirs := s.only(t)
	r := s.Do(t.Context(), a)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "somebody else") {
		t.Errorf("after another's replacement: got %s, %v", r.Outcome, r.Err)
	}
	if got := s.only(t); got.UID != theirs.UID {
		t.Error("another's subscription was replaced")
	}
}

func TestReplaceThatStopsHalfWay(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	a := namesOnly(t, s)
	s.workspace.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if c.Method == "subscriptions.create" && !c.ValidateOnly {
			return simulate.EventsFault{Status: http.StatusForbidden, Message: "No."}
		}
		return simulate.EventsFault{}
	})
	r := s.Do(t.Context(), a)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "nothing watches "+a.Desired.Scope) {
		t.Errorf("got %s, %v", r.Outcome, r.Err)
	}
	s.workspace.SetEventsFaults(nil)
	if again := s.plan(t, []subscriptions.Desired{a.Desired})[0]; again.Kind != subscriptions.Create {
		t.Errorf("got %s, want that applying again creates it", again.Kind)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 2})
	want := s.desired()
	if _, err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	there, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	orphans := subscriptions.Plan(nil, there, subscriptions.View{Topic: want[0].Topic, Prune: true})
	if len(orphans) != 2 {
		t.Fatalf("got %d actions, want 2", len(orphans))
	}
	// Somebody has put it to use since.
	if r := s.Do(t.Context(), subscriptions.Action{Kind: subscriptions.Renew, Desired: orphans[0].Desired, Actual: orphans[0].Actual}); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := s.Do(t.Context(), orphans[0]); r.Err == nil || !strings.Contains(r.Err.Error(), "somebody else") {
		t.Errorf("got %s, %v", r.Outcome, r.Err)
	}
	for range 2 {
		if r := s.Do(t.Context(), orphans[1]); r.Err != nil || r.Outcome != subscriptions.Pruned {
			t.Errorf("got %s, %v", r.Outcome, r.Err)
		}
	}
	if got := s.only(t); got.Target != orphans[0].Actual.Target {
		t.Errorf("got %s left", got.Target)
	}
}

func TestValidateChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 2})
	want := s.desired()
	if _, err := s.Apply(t.Context(), want[:1]); err != nil {
		t.Fatal(err)
	}
	before := s.only(t)
	want[0].EventTypes = want[0].EventTypes[:3]
	actions := s.plan(t, want)
	for v := range s.ValidateAll(t.Context(), actions) {
		if v.Err != nil {
			t.Errorf("%s %s: %v", v.Action.Kind, v.Action.Desired.Scope, v.Err)
		}
	}
	if got := s.only(t); got.Etag != before.Etag {
		t.Error("validating has changed it")
	}
	s.workspace.SetCondition(simulate.ScopesMissing, true)
	for v := range s.ValidateAll(t.Context(), actions) {
		if v.Err == nil || !strings.Contains(v.Err.Error(), v.Action.Desired.Scope) {
			t.Errorf("%s %s: got %v", v.Action.Kind, v.Action.Desired.Scope, v.Err)
		}
	}
	// A type that isn't valid is found before anything is done.
	want[0].EventTypes = []string{"google.workspace.chat.message.v1.batchCreated"}
	s.workspace.SetCondition(simulate.ScopesMissing, false)
	if err := s.Validate(t.Context(), s.plan(t, want)[0]); err == nil || !strings.Contains(err.Error(), "batchCreated") {
		t.Errorf("got %v", err)
	}
}

func TestDoAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 20})
	want := s.desired()
	i := 0
	for r := range s.DoAll(t.Context(), s.plan(t, want)) {
		if r.Err != nil || r.Scope != want[i].Scope {
			t.Errorf("%d: got %s, %v; want %s", i, r.Scope, r.Err, want[i].Scope)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("got %d results, want %d", i, len(want))
	}
	// Who has had enough leaves nothing running.
	var mu sync.Mutex
	begun := 0
	s.breakCalls(func(http.ResponseWriter, *http.Request, int) bool {
		mu.Lock()
		defer mu.Unlock()
		begun++
		return false
	})
	for i := range want {
		want[i].EventTypes = want[i].EventTypes[:1]
	}
	actions := s.plan(t, want)
	for range s.DoAll(t.Context(), actions) {
		break
	}
	mu.Lock()
	defer mu.Unlock()
	if begun > 12 {
		t.Errorf("%d calls were made after the first result was taken", begun)
	}
}
