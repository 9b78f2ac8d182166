package reporting_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/store/reporting"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestSetZone(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	kept := func() string {
		return storetest.Value[string](t, s, `SELECT zone || ' ' || changed_at FROM reporting`)
	}
	if got := kept(); !strings.HasPrefix(got, "UTC ") {
		t.Errorf("a new database counts days in %s", got)
	}
	for zone, want := range map[string]string{
		"Asia/Katmandoo":      "did you mean Asia/Katmandu?",
		"europe/berlin":       "did you mean Europe/Berlin?",
		"posix/Europe/Berlin": "did you mean Europe/Berlin?",
		"XYZ+3":               "known are Africa/Abidjan, ", // Postgres would take it for a zone of its own
		"":                    "known are Africa/Abidjan, ",
	} {
		var unknown *reporting.UnknownZoneError
		err := reporting.SetZone(t.Context(), s.Store, zone)
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), `no time zone "`+zone+`": `+want) {
			t.Errorf("%q: got %v, want %s", zone, err, want)
		}
	}
	if got := kept(); !strings.HasPrefix(got, "UTC ") {
		t.Errorf("an unknown zone was kept: %s", got)
	}
	const zone = "Asia/Kathmandu" // 5 hours and 45 minutes before UTC
	if err := reporting.SetZone(t.Context(), s.Store, zone); err != nil {
		t.Fatal(err)
	}
	before := kept()
	if err := reporting.SetZone(t.Context(), s.Store, zone); err != nil {
		t.Fatal(err)
	}
	if got := kept(); got != before || !strings.HasPrefix(got, zone) {
		t.Errorf("the same zone again: %s, before: %s", got, before)
	}
	if _, err := s.Pool().Exec(t.Context(), `UPDATE reporting SET zone = 'Mars/Olympus'`); err == nil {
		t.Error("the table takes a zone that would make every view fail")
	}
}
