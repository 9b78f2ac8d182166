package doctor

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// What the keeper saw lately is judged, and Google only asked whether it answers:
// the list of all would take the quota that the keeper needs.
func TestSeenByTheKeeper(t *testing.T) {
	t.Parallel()
	w := healthy(t, simulate.Options{}, newDatabase(t))
	db := storetest.Open(t, w.dsn, storetest.Options{})
	m, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: w.cfg.Endpoints.WorkspaceEvents})
	try(t, err)
	defer m.Close()
	keeper := subscriptions.NewKeeper(m, db.Coverage, subscriptions.KeeperOptions{
		Topic:   w.cfg.TopicName(),
		Desired: func(context.Context) ([]subscriptions.Desired, error) { return subscriptions.DesiredFrom(w.cfg), nil },
	})
	_, err = keeper.Pass(t.Context())
	try(t, err)

	asks := func(want int) string {
		t.Helper()
		before := w.EventsAPICalls()["subscriptions.list"]
		r := w.examine(t)
		if r.Outcome != OK && (w.cfg.Keeper.Enabled || r.Outcome != Warning) {
			t.Errorf("a healthy set-up is %s:\n%s", r.Outcome, lines(r))
		}
		if got := w.EventsAPICalls()["subscriptions.list"] - before; got != want {
			t.Errorf("%d calls that list subscriptions, want %d", got, want)
		}
		return lines(r)
	}
	if got := asks(1); !strings.Contains(got, "ago by the keeper") {
		t.Errorf("it isn't said how old this is:\n%s", got)
	}
	w.opts.Fresh = true
	asks(2)
	w.opts.Fresh = false
	w.opts.Now = func() time.Time { return time.Now().Add(-time.Second) } // it goes by Google's clock
	asks(1)
	w.cfg.Keeper.Enabled = false
	asks(2)
	w.cfg.Keeper.Enabled = true
	w.sql(t, "UPDATE keeper_passes SET listed_at = listed_at - interval '20 minutes'")
	asks(2) // the keeper is late
}
