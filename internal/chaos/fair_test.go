package chaos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/examples"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// breakerPause is the setting of how long a breaker stays open: 150 s are not for a
// test.
func breakerPause(d time.Duration) string { return workerVariable + "=" + d.String() }

// receiver takes webhooks, or answers 503 while it is dead.
type receiver struct {
	*httptest.Server
	dead  atomic.Bool
	tried atomic.Int64
	taken atomic.Int64
}

func newReceiver(t *testing.T, dead bool) *receiver {
	r := &receiver{}
	r.dead.Store(dead)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.tried.Add(1)
		if r.dead.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.taken.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

// auditWebhook is the rule of the example for a receiver.
func auditWebhook(t *testing.T, id, url, maxAge string) string {
	t.Helper()
	text, err := examples.Read("audit-webhook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("whsec_"+strings.Repeat("QUJD", 8)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, text, _ = strings.Cut(text, "reactors:\n")
	text, _, _ = strings.Cut(text, "\ntests:")
	for from, to := range map[string]string{
		"id: audit-webhook": "id: " + id, "mode: shadow": "mode: live", "max_age: 7d": "max_age: " + maxAge,
		"https://siem.example.com/hooks/spacekeeper": url, "/run/secrets/siem-webhook": secret,
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("the example has no %q any more", from)
		}
		text = strings.Replace(text, from, to, 1)
	}
	return text
}

// A receiver that is dead doesn't keep another's webhooks from it. When it is back, it
// gets all of its own that are not too old.
func TestDeadReceiverBesideAHealthyOne(t *testing.T) {
	t.Parallel()
	const joins = 30
	env := newEnvironment(t, simulate.Options{Seed: 31, Spaces: 3, Users: 4})
	dead, healthy := newReceiver(t, true), newReceiver(t, false)
	env.startWorker(t, breakerPause(500*time.Millisecond), rulesSetting(t, "reactors:\n"+
		auditWebhook(t, "dead", dead.URL, "1h")+"\n"+auditWebhook(t, "healthy", healthy.URL, "20s")))
	for i := range joins {
		if err := env.AddMembers(env.Spaces()[i%3].Name, env.addUsers(1)...); err != nil {
			t.Fatal(err)
		}
	}
	ended := func(rule, outcome string) int {
		return env.query(t, fmt.Sprintf(`SELECT count(*) FROM reactor_runs WHERE reactor = '%s' AND outcome = '%s'`, rule, outcome))
	}
	eventually(t, time.Minute, "the healthy receiver's runs have ended", func() bool {
		return ended("healthy", "sent")+ended("healthy", "too_old") == joins
	})
	if lost := ended("healthy", "too_old"); lost > 0 {
		t.Errorf("the healthy receiver has lost %d of %d webhooks", lost, joins)
	}
	tried := dead.tried.Load()
	eventually(t, 30*time.Second, "several have tried the dead one", func() bool { return dead.tried.Load() >= tried+4 })
	dead.dead.Store(false)
	eventually(t, 30*time.Second, "the dead one has all", func() bool { return ended("dead", "sent") == joins })
}

// Messages to one space that Google always answers with 5xx keep no others from being
// sent.
func TestPoisonedSpaceStopsNoOthers(t *testing.T) {
	t.Parallel()
	const poisoned, others = 6, 12
	env := newEnvironment(t, simulate.Options{Seed: 32, Spaces: 5, Users: 4})
	poison := env.Spaces()[0].Name
	var calls atomic.Int64
	env.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Method == "spaces.messages.create" && c.Space == poison {
			calls.Add(1)
			f.Status = http.StatusInternalServerError
		}
		return f
	})
	env.startWorker(t, breakerPause(time.Second), rulesSetting(t, strings.Replace(welcome, "max_age: 10m", "max_age: 25s\n    spaces: { except: ["+poison+"] }", 1)+`
  - id: poisoned
    mode: live
    on: member.joined
    max_age: 1h
    spaces: [`+poison+`]
    do:
      - send: { text: "{{ member.mention }} is here." }
`))
	if err := env.AddMembers(poison, env.addUsers(poisoned)...); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "messages to the space have failed", func() bool { return calls.Load() >= 5 })
	for i := range others {
		if err := env.AddMembers(env.Spaces()[1+i%4].Name, env.addUsers(1)...); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := ` AND space <> '` + poison + `'`
	eventually(t, time.Minute, "all others have ended", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome <> 'pending'`+elsewhere) == others
	})
	if sent := env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`+elsewhere); sent != others {
		t.Errorf("%d messages to the other spaces were sent, want %d", sent, others)
	}
}

// Google asks for patience in the space that messages go to: that is left alone as long
// as it says, by all that write to it; the spaces that they come from go on as before.
func TestRefusalSlowsTheTarget(t *testing.T) {
	t.Parallel()
	const joins = 4
	env := newEnvironment(t, simulate.Options{Seed: 33, Spaces: 4, Users: 4})
	env.SetWriteQuota(100, time.Second) // nothing else is refused
	owners := env.Spaces()[3].Name
	var refused atomic.Int64
	var until atomic.Pointer[time.Time]
	env.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Method != "spaces.messages.create" || c.Space != owners {
			return f
		}
		now := time.Now()
		end := now.Add(3 * time.Second)
		if until.CompareAndSwap(nil, &end) || now.Before(*until.Load()) {
			refused.Add(1)
			f.Status, f.RetryAfter = http.StatusTooManyRequests, 3*time.Second
			f.Latency = 500 * time.Millisecond // in which the others are given their slots
		}
		return f
	})
	env.startWorker(t, rulesSetting(t, strings.Replace(welcome, "10m", "1h", 1)+`
  - id: tell-owners
    mode: live
    on: member.joined
    do:
      - send: { to: `+owners+`, text: "{{ member.mention }} is here." }
`))
	for i := range joins {
		if err := env.AddMembers(env.Spaces()[i%3].Name, env.addUsers(1)...); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, time.Minute, "all are sent", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`) == 2*joins
	})
	if got := refused.Load(); got != 1 {
		t.Errorf("Google had to refuse %d times, want once", got)
	}
	if got := env.query(t, `SELECT count(*) FROM write_slots WHERE slowed > 1`); got != 1 {
		t.Errorf("%d spaces are slowed down, want the owners'", got)
	}
	if got := env.query(t, `SELECT count(*) FROM write_slots WHERE slowed > 1 AND space = '`+owners+`'`); got != 1 {
		t.Error("the owners' space isn't slowed down")
	}
}
