package doctor

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func TestHealthy(t *testing.T) {
	t.Parallel()
	for _, auth := range []simulate.Auth{simulate.AuthApp, simulate.AuthUser, simulate.AuthImpersonate} {
		r := healthy(t, simulate.Options{Auth: auth}, newDatabase(t)).examine(t)
		if r.Outcome != OK || r.Counts[OK] != len(checks()) {
			t.Errorf("%s: a healthy set-up is %s:\n%s", auth, r.Outcome, lines(r))
		}
	}
}
