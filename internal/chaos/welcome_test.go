package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Row R3: people who are added at once come in one batch event; each is
// recorded, and each is welcomed in a write slot of the space.
func TestBulkAddIsPaced(t *testing.T) {
	t.Parallel()
	const interval = 2 * time.Second // 30 a minute
	n := scaled(8, 200)
	env := newEnvironment(t, simulate.Options{Seed: 6, Spaces: 2, Users: 10})
	env.startWorker(t, "SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE=30")
	bulk, other := env.Spaces()[0].Name, env.Spaces()[1].Name
	if err := env.AddMembers(bulk, env.addUsers(n)...); err != nil {
		t.Fatal(err)
	}
	if err := env.AddMembers(other, env.addUsers(1)...); err != nil {
		t.Fatal(err)
	}
	env.wantAllExact(t, 2*time.Minute+time.Duration(n)*interval)

	if got := env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`); got != n+1 {
		t.Errorf("%d runs were sent, want %d", got, n+1)
	}
	if got := env.query(t, `SELECT count(*) FROM membership_intervals WHERE joined_at IS NOT NULL`); got != n+1 {
		t.Errorf("%d joins recorded, want %d", got, n+1)
	}
	var sent []time.Time
	var elsewhere time.Time
	for _, m := range env.Truth().AppMessages {
		if m.Space == bulk {
			sent = append(sent, m.Time)
		} else {
			elsewhere = m.Time
		}
	}
	slices.SortFunc(sent, time.Time.Compare)
	for i := 1; i < len(sent); i++ {
		// Write slots are interval apart; a call may take its time to arrive.
		if gap := sent[i].Sub(sent[i-1]); gap < interval/2 {
			t.Errorf("welcome %d came %s after the one before it, want about %s", i+1, gap, interval)
		}
	}
	if least := time.Duration(n-1) * interval * 9 / 10; sent[len(sent)-1].Sub(sent[0]) < least {
		t.Errorf("%d welcomes to one space within %s, want at least %s", n, sent[len(sent)-1].Sub(sent[0]), least)
	}
	// It was the first of its space, so its fair share is to be sent at once.
	if elsewhere.After(sent[n/2]) {
		t.Error("the other space had to wait for the bulk one")
	}
}

// Row R5: what comes too late is recorded, but nobody is greeted for it.
func TestLateJoinsExpire(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, simulate.Options{Seed: 7, Spaces: 1, Users: 4})
	space := env.Spaces()[0].Name
	if err := env.AddMembers(space, env.addUsers(3)...); err != nil {
		t.Fatal(err)
	}
	after(t, 2*time.Second)
	env.startWorker(t, rulesSetting(t, strings.Replace(welcome, "10m", "1s", 1)))
	eventually(t, 60*time.Second, "the runs have expired", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'too_old'`) == 3
	})
	if n := len(env.Truth().AppMessages); n != 0 {
		t.Errorf("%d messages were sent, want none", n)
	}
}

// Somebody who has left before their turn isn't greeted; if they come back,
// they are. Whether the worker knows of the leaving or learns it from Chat's
// refusal is a matter of milliseconds.
func TestLeaveAndReturn(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, simulate.Options{Seed: 8, Spaces: 1, Users: 4})
	space := env.Spaces()[0].Name
	who := env.addUsers(1)[0]
	if err := env.AddMembers(space, who); err != nil {
		t.Fatal(err)
	}
	if err := env.RemoveMember(space, who); err != nil {
		t.Fatal(err)
	}
	env.startWorker(t)
	eventually(t, 60*time.Second, "the run has ended", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome IN ('left', 'failed') AND reason IS NOT NULL`) == 1
	})
	if err := env.AddMembers(space, who); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "the welcome is sent", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`) == 1
	})
	env.wantAllExact(t, time.Minute)
}

// A space that the app may not write to: the run fails with a reason that its
// people understand, and others go on.
func TestForbiddenSpaceFails(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, simulate.Options{Seed: 9, Spaces: 2, Users: 4})
	closed, open := env.Spaces()[0].Name, env.Spaces()[1].Name
	env.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Space == closed {
			f.Status = 403
		}
		return f
	})
	env.startWorker(t)
	for _, space := range []string{closed, open} {
		if err := env.AddMembers(space, env.addUsers(1)...); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 60*time.Second, "one run is sent and one has failed", func() bool {
		return env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'failed' AND reason LIKE '%add it to the space%'`) == 1 &&
			env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`) == 1
	})
}
