package runs_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Where Google says that it gets too much, write slots come further apart,
// and closer again with every slot.
func TestSlowDown(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	runs := crowd(t, s, 8)
	reserve := func(i int) time.Duration {
		wait, err := s.ReserveWrite(t.Context(), space, runs[i].ID, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	about := func(what string, got, want time.Duration) {
		t.Helper()
		if got > want+time.Second || got < want-10*time.Second {
			t.Errorf("%s: got %s, want about %s", what, got, want)
		}
	}
	about("the first write slot", reserve(0), 0)
	if err := s.SlowDown(t.Context(), space, 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	about("after the pause that was asked for", reserve(1), 3*time.Minute)
	about("twice as far apart", reserve(2), 5*time.Minute)
	slowed := storetest.Value[float64](t, s, `SELECT slowed::float8 FROM write_slots`)
	if slowed >= 2 || slowed < 1.98 {
		t.Errorf("slowed = %v, want a little less than 2", slowed)
	}
	// Refusals of the same minute are about the same thing.
	if err := s.SlowDown(t.Context(), space, 0); err != nil {
		t.Fatal(err)
	}
	if again := storetest.Value[float64](t, s, `SELECT slowed::float8 FROM write_slots`); again != slowed {
		t.Errorf("slowed = %v at the second refusal, want %v as before", again, slowed)
	}
	for range 20 {
		if _, err := s.Pool().Exec(t.Context(), `UPDATE write_slots SET slowed_at = slowed_at - interval '61 seconds'`); err != nil {
			t.Fatal(err)
		}
		if err := s.SlowDown(t.Context(), space, 0); err != nil {
			t.Fatal(err)
		}
	}
	if slowed := storetest.Value[float64](t, s, `SELECT slowed::float8 FROM write_slots`); slowed != 30 {
		t.Errorf("slowed = %v, want at most 30", slowed)
	}
}

// A run that has used its write slot needs another for what comes next.
func TestWriteSlotIsUsedOnce(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	run := crowd(t, s, 1)[0]
	run.Requests = []reactors.Request{{Action: "send", Label: "a", Done: true}, {Action: "send", Label: "b"}}
	for i, want := range []time.Duration{0, time.Minute} {
		wait, err := s.ReserveWrite(t.Context(), space, run.ID, time.Minute)
		if err != nil || wait > want || wait < want-10*time.Second {
			t.Errorf("write %d waits %s, %v, want about %s", i, wait, err, want)
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
