package rules_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

func quietHours(t testing.TB, zone, allow string) *rules.QuietHours {
	t.Helper()
	s := parse(t, `
reactors:
  - id: a
    on: member.joined
    quiet_hours: {zone: `+zone+`, allow: "`+allow+`", else: drop}
    do: [{send: {text: a}}]
`)
	return s.Rules()[0].Quiet
}

// at is a time of the clock on the wall, with its offset.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	tm, err := time.Parse("2006-01-02 15:04 -07:00", s)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func TestNextAllowedTime(t *testing.T) {
	t.Parallel()
	const office = "Mon-Fri 08:00-18:00, Sat 10:00-12:00"
	for _, c := range []struct{ name, allow, from, want string }{
		{"within", office, "2026-01-05 09:30 +01:00", "2026-01-05 09:30 +01:00"},
		{"at the first minute", office, "2026-01-05 08:00 +01:00", "2026-01-05 08:00 +01:00"},
		{"at the last minute", office, "2026-01-05 17:59 +01:00", "2026-01-05 17:59 +01:00"},
		{"as it ends", office, "2026-01-05 18:00 +01:00", "2026-01-06 08:00 +01:00"},
		{"early", office, "2026-01-05 03:00 +01:00", "2026-01-05 08:00 +01:00"},
		{"Friday evening", office, "2026-01-09 20:00 +01:00", "2026-01-10 10:00 +01:00"},
		{"Saturday afternoon", office, "2026-01-10 13:00 +01:00", "2026-01-12 08:00 +01:00"},
		{"given in another zone", office, "2026-01-05 23:30 -05:00", "2026-01-06 08:00 +01:00"},
		{"once a week", "Wed 12:00-12:01", "2026-01-07 12:01 +01:00", "2026-01-14 12:00 +01:00"},
		{"over the end of a week", "Sat-Mon 08:00-09:00", "2026-01-10 10:00 +01:00", "2026-01-11 08:00 +01:00"},
		{"all day", "daily 00:00-24:00", "2026-01-10 23:59 +01:00", "2026-01-10 23:59 +01:00"},

		// Berlin puts its clocks forward on 29 March at 2:00, back on 25 October at 3:00.
		{"the night before summer time", office, "2026-03-28 13:00 +01:00", "2026-03-30 08:00 +02:00"},
		{"the night before winter time", office, "2026-10-24 13:00 +02:00", "2026-10-26 08:00 +01:00"},
		{"begins where there is no such time", "Sun 02:30-04:00", "2026-03-29 01:00 +01:00", "2026-03-29 03:00 +02:00"},
		{"is where there is no such time", "Sun 02:00-03:00", "2026-03-29 01:00 +01:00", "2026-04-05 02:00 +02:00"},
		{"begins twice, before the first", "Sun 02:30-02:40", "2026-10-25 02:00 +02:00", "2026-10-25 02:30 +02:00"},
		{"begins twice, after the first", "Sun 02:30-02:40", "2026-10-25 02:45 +02:00", "2026-10-25 02:30 +01:00"},
		{"comes back as clocks are put back", "Sun 01:00-02:30", "2026-10-25 02:40 +02:00", "2026-10-25 02:00 +01:00"},
	} {
		q := quietHours(t, "Europe/Berlin", c.allow)
		from, want := at(t, c.from), at(t, c.want)
		if got := q.Next(from); !got.Equal(want) {
			t.Errorf("%s: after %s comes %s, want %s", c.name, from, got.In(want.Location()), want)
		}
		if got, want := q.Allows(from), from.Equal(want); got != want {
			t.Errorf("%s: allowed at %s is %t, want %t", c.name, from, got, want)
		}
		if !q.Drop {
			t.Errorf("%s: else: drop is lost", c.name)
		}
	}
}

// No minute is allowed before the one that Next finds, whatever the zone does.
func TestNextIsTheFirst(t *testing.T) {
	t.Parallel()
	var all []*rules.QuietHours
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu"} {
		for _, allow := range []string{"Mon-Fri 08:00-18:00, Sat 10:00-12:00", "Sun 02:15-02:45", "daily 00:00-00:30", "Sun 01:30-03:30", "Sat-Sun 23:00-24:00, Mon 02:00-03:00"} {
			all = append(all, quietHours(t, zone, allow))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom(all).Draw(t, "hours")
		from := time.Unix(rapid.Int64Range(1_262_304_000, 1_893_456_000).Draw(t, "from"), 0).UTC()
		next := q.Next(from)
		if next.Before(from) || !q.Allows(next) {
			t.Fatalf("after %s comes %s, allowed = %t", from, next, q.Allows(next))
		}
		for at := from.Truncate(time.Minute).Add(time.Minute); at.Before(next); at = at.Add(time.Minute) {
			if q.Allows(at) {
				t.Fatalf("after %s comes %s, but %s is allowed", from, next, at)
			}
		}
	})
}
