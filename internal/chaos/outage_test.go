package chaos

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row R8: for an hour the Chat API answers nothing but 503 while 1,000
// welcomes wait. Three workers together ask it at most 200 times, though each
// finds out for itself, and all are sent when it is back. Breakers need minutes
// to show what they do: at the usual size the tests of the engine stand for this
// one.
func TestOutageOfAnHour(t *testing.T) {
	if !storetest.Full() {
		t.Skip("takes more than an hour")
	}
	t.Parallel()
	const spaces, each, most = 50, 20, 200
	env := newEnvironment(t, simulate.Options{Seed: 17, Spaces: spaces, Users: 4})
	var calls atomic.Int64
	var away atomic.Bool
	away.Store(true)
	env.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if away.Load() {
			if c.Method == "spaces.messages.create" { // lists of members are tried each minute
				calls.Add(1)
			}
			f.Status = http.StatusServiceUnavailable
		}
		return f
	})
	rules := rulesSetting(t, strings.Replace(welcome, "10m", "3h", 1))
	for range 3 {
		env.startWorker(t, rules)
	}
	for _, s := range env.Spaces() {
		if err := env.AddMembers(s.Name, env.addUsers(each)...); err != nil {
			t.Fatal(err)
		}
	}
	after(t, time.Hour)
	t.Logf("%d calls in an hour", calls.Load())
	if n := calls.Load(); n > most {
		t.Errorf("%d calls in an hour of outage, want at most %d", n, most)
	}
	away.Store(false)
	env.wantAllExact(t, 15*time.Minute)
	if got := env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`); got != spaces*each {
		t.Errorf("%d runs were sent, want %d", got, spaces*each)
	}
}
