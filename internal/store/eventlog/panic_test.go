package eventlog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const secretText = "nobody else's business"

// panicky is a greeter with a defect: it can't do with a text, and with somebody.
type panicky struct{ storetest.Greeter }

func (p panicky) Plan(c reactors.Change) reactors.Plan {
	if c.Item.Message != nil || c.Item.Actor == "users/mallory" {
		panic(fmt.Sprintf("can't read %q", secretText))
	}
	return p.Greeter.Plan(c)
}

// Rules that panic cost their event its runs and nothing else, and what they
// say isn't logged: it may quote a message.
func TestPanickingPlanner(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.DebugLevel)
	s := storetest.New(t, storetest.Options{Now: clock, Planner: panicky{}, Log: zap.New(core)})
	msg := space + "/messages/1"
	outcomes := record(t, s,
		join("join", 1),
		live("text", at(2), message(events.VerbCreated, msg, ann, secretText, at(2), time.Time{})),
		live("mallory", at(3), membership(events.VerbCreated, space, "users/mallory", events.MembershipJoined)),
		live("bob", at(4), membership(events.VerbCreated, space, "users/bob", events.MembershipJoined)),
	)
	want := []events.Outcome{events.Recorded, events.Recorded, events.Recorded, events.Recorded}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM events`); n != 4 {
		t.Errorf("%d events are recorded, want 4", n)
	}
	runs := column(t, s, `SELECT member FROM reactor_runs ORDER BY member`)
	if diff := cmp.Diff([]string{ann, "users/bob"}, runs); diff != "" {
		t.Errorf("who is greeted (-want +got):\n%s", diff)
	}
	var told []string
	for _, e := range logs.FilterMessage("rules not evaluated for event; no run made").All() {
		fields := e.ContextMap()
		told = append(told, fmt.Sprint(e.Level, " ", fields["event_id"], " ", strings.Contains(fmt.Sprint(fields["stack"]), "panicky")))
	}
	if diff := cmp.Diff([]string{"error spaces/S/spaceEvents/text true", "error spaces/S/spaceEvents/mallory true"}, told); diff != "" {
		t.Errorf("what is logged, and where it happened (-want +got):\n%s", diff)
	}
	for _, e := range logs.All() {
		if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, secretText) {
			t.Errorf("the log quotes a message: %s", line)
		}
	}
}
