package reactors_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func TestLimitIsWrittenAsInRules(t *testing.T) {
	t.Parallel()
	for window, want := range map[time.Duration]string{
		time.Hour: "per_space: 3/1h", 90 * time.Minute: "per_space: 3/1h30m", 24 * time.Hour: "per_space: 3/24h",
		10 * time.Minute: "per_space: 3/10m", 20 * time.Second: "per_space: 3/20s", time.Hour + time.Second: "per_space: 3/1h0m1s",
	} {
		if got := (reactors.Limit{Per: reactors.PerSpace, Max: 3, Window: window}).String(); got != want {
			t.Errorf("%s: got %q, want %q", window, got, want)
		}
	}
}
