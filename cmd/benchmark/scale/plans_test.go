package scale

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// No statement of the program or of its documents reads a table whole that grows
// with what happens, but those that have to.
func TestPlans(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewDSN(t)
	began := time.Now()
	if err := Seed(t.Context(), dsn, Size{Events: 200_000, Base: 4_000, Spaces: 20, People: 200, Months: 5, Full: true}, until); err != nil {
		t.Fatal(err)
	}
	t.Log("seeded in", time.Since(began))
	list, err := Statements()
	if err != nil {
		t.Fatal(err)
	}
	complaints, err := Plans(t.Context(), dsn, list, readWhole)
	if err != nil {
		t.Error(err)
	}
	for _, c := range complaints {
		t.Error(c)
	}
}
