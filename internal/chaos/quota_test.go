package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Row R4: another app takes two thirds of a space's quota, which is more than
// our three workers leave. They slow down until the quota suffices for both;
// nothing is lost, and the space next to it doesn't notice.
func TestSharedQuota(t *testing.T) {
	t.Parallel()
	n := scaled(8, 200)
	env := newEnvironment(t, simulate.Options{Seed: 16, Spaces: 2, Users: 4})
	// 60 in a minute, counted over the length of the test.
	span := scaled(6*time.Second, time.Minute)
	env.SetWriteQuota(int(span.Seconds()), span)
	shared, own := env.Spaces()[0].Name, env.Spaces()[1].Name
	if err := env.AddOtherApp(shared, 40); err != nil {
		t.Fatal(err)
	}
	rules := rulesSetting(t, strings.Replace(welcome, "10m", "2h", 1))
	for range 3 {
		env.startWorker(t, rules, "SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE=30")
	}
	for _, space := range []string{shared, own} {
		if err := env.AddMembers(space, env.addUsers(n)...); err != nil {
			t.Fatal(err)
		}
	}
	env.wantAllExact(t, scaled(3*time.Minute, 90*time.Minute))

	last := map[string]time.Duration{}
	first := env.Truth().Joins[0].Time
	for _, m := range env.Truth().AppMessages {
		last[m.Space] = max(last[m.Space], m.Time.Sub(first))
	}
	// What is left over in the shared space is 20 in a minute, and in the
	// other one 30 are configured.
	fair := map[string]time.Duration{shared: 3 * time.Second, own: 2 * time.Second}
	for space, each := range fair {
		if most := 2*time.Duration(n)*each + 10*time.Second; last[space] > most {
			t.Errorf("%s got its last welcome after %s, want at most %s", space, last[space], most)
		}
	}
	accepted, refused := env.OtherAppWrites(shared)
	c := env.Counts()
	t.Logf("last after %s and %s; %d of %d calls were refused for the quota; the other app wrote %d, %d were refused",
		last[shared], last[own], c.Throttled, c.ChatCalls, accepted, refused)
	if most := scaled(n, 2*n/100); c.Throttled > most {
		t.Errorf("%d of %d calls were refused for the quota, want at most %d", c.Throttled, c.ChatCalls, most)
	}
}
