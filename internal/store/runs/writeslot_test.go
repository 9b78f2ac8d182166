package runs_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// slot reserves a write slot for a run, and answers how long it has to wait for it, to
// ten seconds.
func slot(t *testing.T, s *storetest.Env, space string, run reactors.Run, interval time.Duration) time.Duration {
	t.Helper()
	wait, err := s.ReserveWrite(t.Context(), runs.Pace{Name: space, Interval: interval}, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	return wait.Round(10 * time.Second)
}

func slowDown(t *testing.T, s *storetest.Env, space string, pause time.Duration) {
	t.Helper()
	if err := s.SlowDown(t.Context(), space, pause); err != nil {
		t.Fatal(err)
	}
}

// passes lets time pass since Google has refused writes.
func passes(t *testing.T, s *storetest.Env, d time.Duration) {
	t.Helper()
	if _, err := s.Pool().Exec(t.Context(), `
		UPDATE write_slots
		SET refused_at = refused_at - $1::interval, slowed_at = slowed_at - $1::interval, paused_until = paused_until - $1::interval,
			next_at = next_at - $1::interval`, d); err != nil {
		t.Fatal(err)
	}
}

func slowed(t *testing.T, s *storetest.Env) float64 {
	t.Helper()
	return storetest.Value[float64](t, s, `SELECT slowed::float8 FROM write_slots`)
}

// Where Google says that it gets too much, write slots come further apart.
func TestSlowDown(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	crowd := crowd(t, s, 3)
	for i, c := range []struct {
		what  string
		pause time.Duration // that is asked for before
		want  time.Duration
	}{
		{"the first write slot", 0, 0},
		{"after the pause that was asked for", 3 * time.Minute, 3 * time.Minute},
		{"twice as far apart", 0, 5 * time.Minute},
	} {
		if c.pause > 0 {
			slowDown(t, s, space, c.pause)
		}
		if got := slot(t, s, space, crowd[i], time.Minute); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
	// Refusals of the same minute are about the same thing.
	slowDown(t, s, space, 0)
	if got := slowed(t, s); got != 2 {
		t.Errorf("slowed = %v at the second refusal of a minute, want 2 as at the first", got)
	}
	for range 20 {
		passes(t, s, 61*time.Second)
		slowDown(t, s, space, 0)
	}
	if got := slowed(t, s); got != 30 {
		t.Errorf("slowed = %v, want at most 30", got)
	}
}

// However far a space was slowed down, it is back at its pace five minutes after the last
// refusal, also for slots that are given before that.
func TestPaceRecoversByTime(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	crowd := crowd(t, s, 24)
	for range 6 {
		passes(t, s, 61*time.Second)
		slowDown(t, s, space, 0)
	}
	if got := slowed(t, s); got != 30 {
		t.Fatalf("slowed = %v, want 30", got)
	}
	const interval = 10 * time.Second
	var got []time.Duration
	for _, run := range crowd[:10] {
		got = append(got, slot(t, s, space, run, interval))
	}
	want := []time.Duration{0, 300, 310, 320, 330, 340, 350, 360, 370, 380}
	for i := range want {
		if want[i] *= time.Second; got[i] != want[i] {
			t.Errorf("run %d waits %s, want %s", i, got[i], want[i])
		}
	}
	passes(t, s, 8*time.Minute)
	for i, run := range crowd[10:14] {
		if got, want := slot(t, s, space, run, interval), time.Duration(i)*interval; got != want {
			t.Errorf("when all is well again, run %d waits %s, want %s", i, got, want)
		}
	}
	// Just back at its pace, and refused again: it goes as slowly as went well.
	slowDown(t, s, space, 0)
	if got := slowed(t, s); got != 30 {
		t.Errorf("slowed = %v, want 30 as before", got)
	}
	passes(t, s, time.Hour)
	slowDown(t, s, space, 0)
	if got := slowed(t, s); got != 2 {
		t.Errorf("slowed = %v after an hour without a refusal, want 2", got)
	}
}

// The slots of all that write to a space count no more once Google has refused a write
// there, wherever they come from; those of other spaces do. The pause that Google asks
// for holds for all, and no shorter one takes its place.
func TestRefusalVoidsTheSlotsOfItsSpace(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	crowd := crowd(t, s, 6) // all of them in the same space
	const owners = "spaces/OWNERS"
	for i, run := range crowd[:3] {
		if got, want := slot(t, s, owners, run, 20*time.Second), time.Duration(i)*20*time.Second; got != want {
			t.Errorf("run %d waits %s, want %s", i, got, want)
		}
	}
	for i, run := range crowd[3:] {
		slot(t, s, space, run, 20*time.Second)
		if got, want := slot(t, s, space, run, 20*time.Second), time.Duration(i)*20*time.Second; got != want {
			t.Errorf("run %d waits %s in its own space, want %s", i, got, want)
		}
	}
	slowDown(t, s, owners, 10*time.Minute)
	slowDown(t, s, owners, 10*time.Second)
	for i, run := range crowd[1:3] { // the first was refused
		if got, want := slot(t, s, owners, run, 20*time.Second), 10*time.Minute+time.Duration(i)*20*time.Second; got != want {
			t.Errorf("after the refusal run %d waits %s, want %s", i, got, want)
		}
	}
	for i, run := range crowd[3:] {
		if got, want := slot(t, s, space, run, 20*time.Second), time.Duration(i)*20*time.Second; got != want {
			t.Errorf("after a refusal elsewhere run %d waits %s in its own space, want %s", i, got, want)
		}
	}
}

// A run that has used its write slot needs another for what comes next.
func TestWriteSlotIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	run := crowd(t, s, 1)[0]
	run.Requests = []reactors.Request{{Action: "send", Label: "a", Done: true}, {Action: "send", Label: "b"}}
	for i, want := range []time.Duration{0, time.Minute} {
		if wait := slot(t, s, space, run, time.Minute); wait != want {
			t.Errorf("write %d waits %s, want %s", i, wait, want)
		}
		if err := s.ProgressRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
}

// The project's quota is shared by all spaces; who finds it used up takes
// nothing.
func TestTakeProjectWrite(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	const interval, burst = time.Minute, 150 * time.Second
	var taken int
	for range 10 {
		wait, ok, err := s.TakeProjectWrite(t.Context(), interval, burst)
		if err != nil {
			t.Fatal(err)
		}
		if want := time.Duration(taken) * interval; ok && (wait > want || wait < want-10*time.Second) {
			t.Errorf("write %d waits %s, want about %s", taken, wait, want)
		}
		if !ok && (wait > 3*interval || wait < 3*interval-10*time.Second) {
			t.Errorf("come back in %s, want about %s", wait, 3*interval)
		}
		if ok {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("%d writes were taken, want 3: now, and two within the burst", taken)
	}
}
