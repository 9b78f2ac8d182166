package clock_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
)

func hours(t testing.TB, zone, allow string) *clock.Hours {
	t.Helper()
	loc, err := clock.Zone(zone)
	if err != nil {
		t.Fatal(err)
	}
	h, _, err := clock.ParseHours(allow, loc)
	if err != nil {
		t.Fatal(err)
	}
	return h
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
		q := hours(t, "Europe/Berlin", c.allow)
		from, want := at(t, c.from), at(t, c.want)
		if got := q.Next(from); !got.Equal(want) {
			t.Errorf("%s: after %s comes %s, want %s", c.name, from, got.In(want.Location()), want)
		}
		if got, want := q.Allows(from), from.Equal(want); got != want {
			t.Errorf("%s: allowed at %s is %t, want %t", c.name, from, got, want)
		}
	}
}

// No minute is allowed before the one that Next finds, whatever the zone does.
func TestNextIsTheFirst(t *testing.T) {
	t.Parallel()
	var all []*clock.Hours
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu"} {
		for _, allow := range []string{"Mon-Fri 08:00-18:00, Sat 10:00-12:00", "Sun 02:15-02:45", "daily 00:00-00:30", "Sun 01:30-03:30", "Sat-Sun 23:00-24:00, Mon 02:00-03:00"} {
			all = append(all, hours(t, zone, allow))
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

// Working time counts in its hours alone, over weekends and in hours as long as
// they are.
func TestWorkingTime(t *testing.T) {
	t.Parallel()
	const office, shifts = "Mon-Fri 09:00-17:00", "Mon-Fri 08:00-12:00, Mon-Fri 13:00-17:00"
	for _, c := range []struct {
		name, hours, from string
		wait              time.Duration
		want              string
	}{
		{"within a day", office, "2026-01-05 09:30 +01:00", 4 * time.Hour, "2026-01-05 13:30 +01:00"},
		{"to the last minute", office, "2026-01-05 13:00 +01:00", 4 * time.Hour, "2026-01-05 17:00 +01:00"},
		{"over a night", office, "2026-01-05 15:00 +01:00", 4 * time.Hour, "2026-01-06 11:00 +01:00"},
		{"from before the hours", office, "2026-01-05 06:00 +01:00", 4 * time.Hour, "2026-01-05 13:00 +01:00"},
		{"over a weekend", office, "2026-01-09 15:00 +01:00", 4 * time.Hour, "2026-01-12 11:00 +01:00"},
		{"from a weekend", office, "2026-01-10 15:00 +01:00", 4 * time.Hour, "2026-01-12 13:00 +01:00"},
		{"of several days", office, "2026-01-05 09:00 +01:00", 40 * time.Hour, "2026-01-09 17:00 +01:00"},
		{"over lunch", shifts, "2026-01-05 11:00 +01:00", 2 * time.Hour, "2026-01-05 14:00 +01:00"},
		{"given in another zone", office, "2026-01-05 09:00 -05:00", 4 * time.Hour, "2026-01-06 11:00 +01:00"},

		// Berlin puts its clocks forward on 29 March at 2:00, back on 25 October at 3:00.
		{"over the beginning of summer time", office, "2026-03-27 16:00 +01:00", 2 * time.Hour, "2026-03-30 10:00 +02:00"},
		{"over the end of summer time", office, "2026-10-23 16:00 +02:00", 2 * time.Hour, "2026-10-26 10:00 +01:00"},
		{"in a night of 9 hours", "Sat 20:00-24:00, Sun 00:00-06:00", "2026-03-28 20:00 +01:00", 9 * time.Hour, "2026-03-29 06:00 +02:00"},
		{"in a night of 11 hours", "Sat 20:00-24:00, Sun 00:00-06:00", "2026-10-24 20:00 +02:00", 11 * time.Hour, "2026-10-25 06:00 +01:00"},
	} {
		want := at(t, c.want)
		if got := hours(t, "Europe/Berlin", c.hours).After(at(t, c.from), c.wait); !got.Equal(want) {
			t.Errorf("%s: %s after %s is %s, want %s", c.name, c.wait, c.from, got.In(want.Location()), want)
		}
	}
	if got := hours(t, "UTC", "Mon 09:00-09:01").After(at(t, "2026-01-05 09:00 +00:00"), 4*time.Hour); !got.IsZero() {
		t.Errorf("240 minutes of one a week are over at %s, want the zero time: that takes years", got)
	}
}

// As many minutes are allowed until working time is over as it has.
func TestWorkingTimeIsCounted(t *testing.T) {
	t.Parallel()
	var all []*clock.Hours
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"} {
		for _, of := range []string{"Mon-Fri 08:00-18:00, Sat 10:00-12:00", "Sat-Sun 01:00-03:30", "daily 00:00-24:00"} {
			all = append(all, hours(t, zone, of))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.SampledFrom(all).Draw(t, "hours")
		from := time.Unix(60*rapid.Int64Range(21_000_000, 31_000_000).Draw(t, "from"), 0).UTC()
		minutes := rapid.IntRange(1, 2000).Draw(t, "minutes")
		due := h.After(from, time.Duration(minutes)*time.Minute)
		counted := 0
		for at := from; at.Before(due); at = at.Add(time.Minute) {
			if h.Allows(at) {
				counted++
			}
		}
		if counted != minutes || !h.Allows(due.Add(-time.Minute)) {
			t.Fatalf("%d minutes of %s after %s end at %s, until when there are %d", minutes, h, from, due, counted)
		}
	})
}

// What waited for the same hours is released one after the other, each at the same
// time whoever asks, and within the hours.
func TestReleaseIsSpread(t *testing.T) {
	t.Parallel()
	from := at(t, "2026-01-10 13:00 +01:00")
	for of, longest := range map[string]time.Duration{"Mon-Fri 08:00-18:00": 10 * time.Minute, "Mon 08:00-08:20": 2 * time.Minute, "Mon 08:00-08:01": 6 * time.Second} {
		h := hours(t, "Europe/Berlin", of)
		opens := h.Next(from)
		times := map[time.Time]bool{}
		for i := range 200 {
			key := fmt.Sprint("welcome users/", i)
			got := h.Release(from, key)
			if !got.Equal(h.Release(from.Add(time.Hour), key)) {
				t.Fatalf("%s: %s is released at two times", of, key)
			}
			if got.Before(opens) || !got.Before(opens.Add(longest)) || !h.Allows(got) {
				t.Errorf("%s: %s is released at %s, want within %s from %s on", of, key, got, longest, opens)
			}
			times[got] = true
		}
		if len(times) < min(100, int(longest/time.Second)*3/4) {
			t.Errorf("%s: 200 are released at %d times", of, len(times))
		}
	}
	open := at(t, "2026-01-12 13:00 +01:00")
	if got := hours(t, "UTC", "daily 00:00-24:00").Release(open, "x"); !got.Equal(open) {
		t.Errorf("within the hours it is released at %s, want at once", got)
	}
}
