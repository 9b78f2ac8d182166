package store_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	got, err := env.Store.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Superuser || got.ReadOnly || got.Role == "" || got.Version == "" || time.Since(got.Now).Abs() > time.Minute {
		t.Errorf("got %+v, want a superuser that may write, now", got)
	}
}
