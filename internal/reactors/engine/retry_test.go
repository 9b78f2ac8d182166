package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Whoever asks to be tried again at once is.
func TestRetryAtOnce(t *testing.T) {
	t.Parallel()
	s := newEnv(t, waiting)
	s.action.before = func(context.Context, said) error { return reactors.RetryAfter(0, errors.New("try again")) }
	s.join("users/1")
	s.wait(time.Hour)
	wait, err := s.Attempt(t.Context(), s.runs()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if wait <= 0 {
		t.Errorf("a pending run waits %s: it is never looked at again", wait)
	}
}
