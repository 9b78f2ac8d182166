package subscriptions_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// TestGoogleSaysWhenToComeBack waits as long as Google says, if it isn't long,
// and asks nothing before, whichever call it was said to.
func TestGoogleSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	now := time.Now()
	var waited time.Duration
	m, err := subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: s.endpoint, Transport: conformancetest.Check(t, &http.Transport{}), Backoff: time.Millisecond,
		Now: func() time.Time { return now },
		Wait: func(_ context.Context, d time.Duration) error {
			waited, now = waited+d, now.Add(d)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	busy := func(seconds string) {
		waited = 0
		s.breakCalls(func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n == 1 {
				w.Header().Set("Retry-After", seconds)
				answerError(w, 429, "RESOURCE_EXHAUSTED", "Quota exceeded.")
			}
			return n == 1
		})
	}
	busy("45")
	if _, err := m.List(t.Context()); err != nil || waited < 45*time.Second {
		t.Errorf("came back after %s (%v), want 45s", waited, err)
	}
	busy("600")
	for range 3 {
		_, err := m.List(t.Context())
		var refusal *subscriptions.Error
		if !errors.As(err, &refusal) || refusal.Code != 429 || !strings.Contains(refusal.Message, "not before 2") || waited > time.Second {
			t.Errorf("got %v after %s, want Google's refusal at once", err, waited)
		}
	}
	if got := s.count("GET"); got != 1 {
		t.Errorf("asked %d times, want once within ten minutes", got)
	}
	now = now.Add(10 * time.Minute)
	if _, err := m.List(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
