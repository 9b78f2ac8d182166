package reactors_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func TestMarkedErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for name, err := range map[string]error{
		"permanent":   fmt.Errorf("wrapped: %w", reactors.Permanent(cause)),
		"retry after": fmt.Errorf("wrapped: %w", reactors.RetryAfter(time.Minute, cause)),
	} {
		if !errors.Is(err, cause) {
			t.Errorf("%s hides its cause", name)
		}
		if got, want := reactors.IsPermanent(err), name == "permanent"; got != want {
			t.Errorf("IsPermanent(%s) = %t, want %t", name, got, want)
		}
		d, ok := reactors.RetryDelay(err)
		if want := name == "retry after"; ok != want || ok && d != time.Minute {
			t.Errorf("RetryDelay(%s) = %s, %t", name, d, ok)
		}
	}
	if reactors.IsPermanent(cause) {
		t.Error("an unmarked error is permanent")
	}
}
