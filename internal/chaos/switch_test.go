package chaos

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// Row R9: once everything is paused, sending ends within two seconds, under
// load and over all workers; what was held is sent after the resumption.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	spaces, each := scaled(20, 60), scaled(4, 20)
	env := newEnvironment(t, simulate.Options{Seed: 13, Spaces: spaces, Users: 4})
	env.startWorker(t)
	env.startWorker(t)
	for _, s := range env.Spaces() {
		if err := env.AddMembers(s.Name, env.addUsers(each)...); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 60*time.Second, "every space has a welcome", func() bool { return env.Counts().AppMessages >= spaces })
	if err := env.db.Pause(t.Context(), runs.AllReactors, "a test"); err != nil {
		t.Fatal(err)
	}
	paused := time.Now()
	after(t, 5*time.Second)
	sent := env.Truth().AppMessages
	if last := sent[len(sent)-1].Time.Sub(paused); last > 2*time.Second {
		t.Errorf("a welcome was sent %s after the pause, want at most 2 s", last)
	} else {
		t.Logf("the last of %d welcomes was sent %s after the pause", len(sent), last)
	}
	if len(sent) >= spaces*each {
		t.Error("everything was sent before the pause: the test has shown nothing")
	}
	if held := env.query(t, `SELECT count(*) FROM reactor_runs WHERE held`); held == 0 {
		t.Error("no run is held")
	}
	if _, err := env.db.Resume(t.Context(), runs.AllReactors); err != nil {
		t.Fatal(err)
	}
	env.wantAllExact(t, time.Minute+time.Duration(each)*5*time.Second)
	if got := env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`); got != spaces*each {
		t.Errorf("%d runs were sent, want %d", got, spaces*each)
	}
}
