package quota_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/quota"
)

// fake is a Pacer whose clock moves when somebody waits.
type fake struct {
	*quota.Pacer
	now    time.Time
	waited time.Duration
	logged *observer.ObservedLogs
}

func open(t *testing.T) *fake {
	t.Helper()
	f := &fake{now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	core, logged := observer.New(zapcore.DebugLevel)
	f.logged = logged
	f.Pacer = quota.New(quota.Options{
		Log: zap.New(core), Now: func() time.Time { return f.now },
		Wait: func(_ context.Context, d time.Duration) error {
			f.now, f.waited = f.now.Add(d), f.waited+d
			return nil
		},
	})
	return f
}

// In no minute are there more calls than Google allows, and not many fewer.
func TestQuotasHold(t *testing.T) {
	t.Parallel()
	f := open(t)
	for name, q := range map[string]*quota.Quota{"reads": f.SubscriptionReads, "writes": f.SubscriptionWrites} {
		const n, allowed = 1000, 100
		var at [n]time.Time
		for i := range at {
			if i%70 == 0 {
				f.now = f.now.Add(7 * time.Second) // sometimes nobody asks
			}
			if err := q.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			at[i] = f.now
			if i >= allowed && f.now.Sub(at[i-allowed]) < time.Minute {
				t.Fatalf("%s: call %d is within %s of the one %d before it", name, i, f.now.Sub(at[i-allowed]), allowed)
			}
		}
		if rate := float64(n-allowed) / at[n-1].Sub(at[0]).Minutes(); rate < 75 {
			t.Errorf("%s: %.0f calls a minute", name, rate)
		}
	}
}

// Whoever waits together shares what there is, in their order.
func TestManyShareAQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := quota.New(quota.Options{})
		began := time.Now()
		late := 0
		done := make(chan time.Duration)
		for range 150 {
			go func() {
				if err := p.SubscriptionReads.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				done <- time.Since(began)
			}()
		}
		for range 150 {
			if <-done >= time.Minute {
				late++
			}
		}
		if late != 50 {
			t.Errorf("%d of 150 reads came after the minute, want the 50 over its quota", late)
		}
	})
}

// A quota that Google says is used up is told once, is waited for longer and
// longer, and told when there is room again. Other quotas go on.
func TestUsedUp(t *testing.T) {
	t.Parallel()
	f := open(t)
	q := f.SubscriptionReads
	var pauses []time.Duration
	for range 8 {
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 { // calls that were under way are refused together
			q.Refused(0, nil)
		}
		f.waited = 0
		if err := f.SubscriptionWrites.Wait(t.Context()); err != nil || f.waited > 0 {
			t.Errorf("a write waited %s for reads (%v)", f.waited, err)
		}
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		pauses = append(pauses, f.waited)
	}
	for i, pause := range pauses {
		want := min(time.Second<<i, 32*time.Second)
		if pause < want || pause > want*5/4 {
			t.Errorf("pause %d was %s, want %s and a quarter at most", i, pause, want)
		}
	}
	q.Answered()
	q.Answered()
	var said []string
	for _, e := range f.logged.All() {
		said = append(said, e.Level.String()+" "+e.Message)
	}
	if len(said) != 2 || f.logged.FilterLevelExact(zapcore.WarnLevel).Len() != 1 || f.logged.FilterMessage("quota has room again").Len() != 1 {
		t.Errorf("logged %q, want that it is used up, and that there is room, once each", said)
	}
}

// What Google says about when to come back is kept to, and where that is long,
// nobody waits for it.
func TestComeBackLater(t *testing.T) {
	t.Parallel()
	f := open(t)
	q, refusal := f.SubscriptionWrites, errors.New("not before noon")
	q.Refused(45*time.Second, refusal)
	if err := q.Wait(t.Context()); err != nil || f.waited != 45*time.Second {
		t.Errorf("waited %s (%v), want 45s", f.waited, err)
	}
	q.Refused(10*time.Minute, refusal)
	q.Refused(0, nil) // says less
	f.waited = 0
	if err := q.Wait(t.Context()); !errors.Is(err, refusal) || f.waited > 0 {
		t.Errorf("got %v after %s, want the refusal at once", err, f.waited)
	}
	q.Answered() // of a call that began before
	if err := q.Wait(t.Context()); !errors.Is(err, refusal) {
		t.Errorf("got %v, want the refusal", err)
	}
	f.now = f.now.Add(10 * time.Minute)
	if err := q.Wait(t.Context()); err != nil || f.waited > 0 {
		t.Errorf("afterwards: %v after %s", err, f.waited)
	}
}
