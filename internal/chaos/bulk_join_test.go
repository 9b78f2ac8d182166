package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

const together = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    collapse:
      window: 2s
      over: 5
      do:
        - send: { text: "Welcome {{ group.mentions }}! You are {{ group.size }}." }
    do:
      - send: { to: private, text: "Welcome, {{ member.mention }}!" }
`

// Row R3, the other way: of people who are added at once one message speaks for
// all, although two workers look at their runs at the same moment. The one who
// comes alone elsewhere is greeted as always.
func TestBulkAddIsCollapsed(t *testing.T) {
	t.Parallel()
	const n = 200
	env := newEnvironment(t, simulate.Options{Seed: 15, Spaces: 2, Users: 10})
	rules := rulesSetting(t, together)
	env.startWorker(t, rules)
	env.startWorker(t, rules)
	bulk, other := env.Spaces()[0].Name, env.Spaces()[1].Name
	if err := env.AddMembers(bulk, env.addUsers(n)...); err != nil {
		t.Fatal(err)
	}
	if err := env.AddMembers(other, env.addUsers(1)...); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	env.wantEventsExact(t, 2*time.Minute)
	t.Logf("settled after %s", time.Since(began))

	for outcome, want := range map[string]int{"sent": 2, "collapsed": n - 1} {
		if got := env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = '`+outcome+`'`); got != want {
			t.Errorf("%d runs are %s, want %d", got, outcome, want)
		}
	}
	sent := env.Truth().AppMessages
	if len(sent) != 2 {
		t.Fatalf("%d messages were sent, want 2", len(sent))
	}
	for _, m := range sent {
		switch {
		case m.Space == other && m.Viewer == "":
			t.Error("who came alone was not greeted alone")
		case m.Space == bulk && (m.Viewer != "" || !strings.Contains(m.Text, "You are 200.")):
			t.Errorf("the group was not greeted as one, but with a message of %d bytes to %q", len(m.Text), m.Viewer)
		}
	}
}
