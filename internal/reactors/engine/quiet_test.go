package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

const quiet = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    max_age: 10m
    quiet_hours: { zone: Europe/Berlin, allow: "Mon-Sun 08:00-18:00" }
    do: [say: { text: "Welcome, {{ member.mention }}!" }]
`

// What falls into quiet hours waits for their end by the clock on the wall, on
// the days of the year that have 23 and 25 hours too. Its age begins then, and
// a worker that has started meanwhile knows of it.
func TestQuietHoursDefer(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		joined time.Time
		waits  time.Duration
	}{
		"of an ordinary night":     {time.Date(2026, 3, 10, 20, 0, 0, 0, berlin), 12 * time.Hour},
		"clocks are put forward":   {time.Date(2026, 3, 28, 20, 0, 0, 0, berlin), 11 * time.Hour},
		"clocks are put back":      {time.Date(2026, 10, 24, 20, 0, 0, 0, berlin), 13 * time.Hour},
		"in the hour that repeats": {time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), 6*time.Hour + 30*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, quiet)
			s.setClock(tt.joined)
			s.join("users/1")
			s.attemptAll()
			waits := s.runs()[0].Due.Sub(tt.joined)
			if waits < tt.waits || waits >= tt.waits+10*time.Minute { // the release is spread
				t.Errorf("its turn comes after %s, want %s and some minutes", waits, tt.waits)
			}
			s.Dispatcher = s.newDispatcher()
			s.setClock(tt.joined.Add(waits - time.Second))
			s.attemptAll()
			wantOutcomes(t, s, reactors.Pending)
			s.setClock(tt.joined.Add(waits + 10*time.Minute)) // max_age after its turn
			s.attemptAll()
			wantOutcomes(t, s, reactors.Sent)
			wantTexts(t, s, "Welcome, <users/1>!")
		})
	}
}

// Many who wait for the same morning are greeted one after the other.
func TestQuietHoursRelease(t *testing.T) {
	t.Parallel()
	s := newEnv(t, quiet)
	s.setClock(time.Date(2026, 3, 10, 20, 0, 0, 0, time.UTC))
	var users []string
	for i := range 60 {
		users = append(users, fmt.Sprint("users/", i))
	}
	s.join(users...)
	s.attemptAll()
	times := map[time.Time]int{}
	for _, r := range s.runs() {
		times[r.Due]++
	}
	for at, n := range times {
		if n > 3 {
			t.Errorf("%d of 60 are due at %s", n, at)
		}
	}
}

// What a group of a weekend waits for on Monday is said once for all of them, but
// for those who come later.
func TestQuietHoursGather(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    wait: 10m
    quiet_hours: { zone: UTC, allow: "Mon-Fri 09:00-17:00" }
    collapse:
      window: 1m
      over: 5
      do: [say: { text: "Welcome {{ group.mentions }}" }]
    do: [say: { text: "Welcome, {{ member.mention }}!" }]
`)
	monday := start.Add(7 * 24 * time.Hour)
	s.setClock(monday.Add(-60 * time.Hour)) // Friday evening
	for i := range 7 {
		s.join(fmt.Sprint("users/", i))
		s.wait(10 * time.Minute)
		s.attemptAll()
		s.wait(7 * time.Hour)
	}
	s.setClock(monday.Add(-time.Minute))
	s.attemptAll()
	wantTexts(t, s)
	s.join("users/8") // who waits till after nine, alone
	s.setClock(monday)
	s.attemptAll()
	wantTexts(t, s, "Welcome <users/0>, <users/1> and 5 others")
	s.wait(10 * time.Minute)
	s.attemptAll()
	wantTexts(t, s, "Welcome <users/0>, <users/1> and 5 others", "Welcome, <users/8>!")
}

func TestQuietHoursDrop(t *testing.T) {
	t.Parallel()
	s := newEnv(t, strings.Replace(quiet, `"Mon-Sun 08:00-18:00"`, `"Mon-Sun 08:00-18:00", else: drop`, 1))
	s.setClock(time.Date(2026, 3, 10, 20, 0, 0, 0, time.UTC))
	s.join("users/1")
	s.attemptAll()
	wantOutcomes(t, s, reactors.Quiet)
	s.setClock(time.Date(2026, 3, 11, 9, 0, 0, 0, time.UTC))
	s.join("users/2")
	s.attemptAll()
	wantOutcomes(t, s, reactors.Quiet, reactors.Sent)
}
