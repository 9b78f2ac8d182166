package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

const echo = `
reactors:
  - id: echo
    mode: live
    on: message.created
    bots: true
    do:
      - send: { text: "Did you say something?" }
`

// Row R7: our app and another answer each other's messages. They fall silent
// after three of ours, which is recorded and logged; to people ours still
// answers.
func TestBotLoopFallsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulate.Options{Seed: 14, Spaces: 2, Users: 4})
	space := w.Spaces()[0].Name
	person := w.newcomers(1)[0]
	other := w.AddUser(true)
	if err := w.AddMembers(space, person, other); err != nil {
		t.Fatal(err)
	}
	p := w.work(t, inForce(t, echo))
	if _, err := w.Post(space, other, "I have something to say."); err != nil {
		t.Fatal(err)
	}
	answered := 0
	answer := func() {
		for _, m := range w.Ledger().AppMessages[answered:] {
			if answered++; m.Space == space {
				if _, err := w.Post(space, other, "You have, too."); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	loops := `SELECT count(*) FROM reactor_runs WHERE outcome = 'loop' AND reason LIKE 'apps have caused%'`
	eventually(t, 60*time.Second, "a loop is noticed", func() bool {
		answer()
		return w.query(t, loops) > 0
	})
	w.settleEvents(t, time.Minute)
	if got := len(w.Ledger().AppMessages); got != 3 {
		t.Errorf("%d messages were sent to an app that answers each, want 3", got)
	}
	if !strings.Contains(p.log.String(), "apps seem to answer each other") {
		t.Error("nothing of it is in the log")
	}
	if _, err := w.Post(space, person, "What is going on here?"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "the person is answered", func() bool { return w.Counts().AppMessages == 4 })
	answer()
	eventually(t, 60*time.Second, "a loop is noticed again", func() bool { return w.query(t, loops) == 2 })
	w.settleEvents(t, time.Minute)
	if got := len(w.Ledger().AppMessages); got != 4 {
		t.Errorf("%d messages were sent, want 4", got)
	}
}
