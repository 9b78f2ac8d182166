package worker

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// A worker whose zone doesn't exist ends at once, for a person to mend the configuration.
func TestUnknownZone(t *testing.T) {
	t.Parallel()
	pg, err := localpg.Start(t.Context(), localpg.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	if err := store.Migrate(t.Context(), pg.DSN()); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), pg.DSN(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	cfg := config.Default()
	cfg.Analytics.Zone = "Europe/Berln"
	w := &Worker{cfg: cfg, log: zap.NewNop(), store: db}
	started, err := w.start(t.Context())
	var wrong *config.Error
	if started || !errors.As(err, &wrong) || !strings.Contains(err.Error(), `analytics.zone "Europe/Berln" is no time zone; did you mean Europe/Berlin?`) {
		t.Errorf("started %t: %v", started, err)
	}
}
