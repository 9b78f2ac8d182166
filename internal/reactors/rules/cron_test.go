package rules_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

const scheduled = `
reactors:
  - id: digest
    mode: live
    on: schedule
    cron: "CRON"
    zone: Europe/Berlin
    spaces: {except: [spaces/C]}
    do: [{send: {text: "A week in {{ space.name }}"}}]
overrides:
  spaces/B: {digest: {mode: "off"}}
`

// at is a time of the clock on the wall, with its offset.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	tm, err := time.Parse("2006-01-02 15:04 -07:00", s)
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

func TestScheduleAcrossChangesOfClocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cron, after, upTo string
		want                    []string
	}{
		{"each day", "0 9 * * *", "2026-03-28 09:00 +01:00", "2026-03-30 09:00 +02:00", []string{"2026-03-29 09:00 +02:00", "2026-03-30 09:00 +02:00"}},
		{"an hour that is skipped", "30 2 * * *", "2026-03-28 12:00 +01:00", "2026-03-30 12:00 +02:00", []string{"2026-03-29 03:00 +02:00", "2026-03-30 02:30 +02:00"}},
		{"twice in an hour that is skipped", "0,30 2 * * *", "2026-03-28 12:00 +01:00", "2026-03-29 12:00 +02:00", []string{"2026-03-29 03:00 +02:00"}},
		{"an hour that comes twice", "30 2 * * *", "2026-10-24 12:00 +02:00", "2026-10-26 12:00 +01:00", []string{"2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"}},
		{"every half hour", "*/30 * * * *", "2026-10-25 01:30 +02:00", "2026-10-25 03:00 +01:00", []string{
			"2026-10-25 02:00 +02:00", "2026-10-25 02:30 +02:00", "2026-10-25 02:00 +01:00", "2026-10-25 02:30 +01:00", "2026-10-25 03:00 +01:00",
		}},
		{"by the name of a day", "0 9 * * mon", "2026-01-01 00:00 +01:00", "2026-01-12 08:59 +01:00", []string{"2026-01-05 09:00 +01:00"}},
		{"Sunday as 7", "0 9 * * 7", "2026-01-01 00:00 +01:00", "2026-01-12 00:00 +01:00", []string{"2026-01-04 09:00 +01:00", "2026-01-11 09:00 +01:00"}},
		{"up to Sunday", "0 9 * * fri-7/2", "2026-01-01 00:00 +01:00", "2026-01-05 00:00 +01:00", []string{"2026-01-02 09:00 +01:00", "2026-01-04 09:00 +01:00"}},
		{"days of the month and of the week", "0 9 1-2 * 7", "2026-01-01 10:00 +01:00", "2026-01-05 00:00 +01:00", []string{"2026-01-02 09:00 +01:00", "2026-01-04 09:00 +01:00"}},
		{"nothing in between", "0 9 * * mon", "2026-01-05 09:00 +01:00", "2026-01-12 08:59 +01:00", nil},
	} {
		s := parse(t, replace(scheduled, "CRON", c.cron))
		var got []string
		for _, tick := range s.Due(at(t, c.after), at(t, c.upTo)) {
			got = append(got, tick.At.Format("2006-01-02 15:04 -07:00"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestTickAsksForEachSpace(t *testing.T) {
	t.Parallel()
	s := parse(t, replace(scheduled, "CRON", "0 9 * * mon"))
	ticks := s.Due(at(t, "2026-01-01 00:00 +01:00"), at(t, "2026-01-06 00:00 +01:00"))
	if len(ticks) != 1 {
		t.Fatalf("%d ticks, want 1", len(ticks))
	}
	var got []string
	for _, i := range s.PlanTick(ticks[0], reactors.Reach{Spaces: []string{"spaces/A", "spaces/B", "spaces/C", "spaces/D"}}) {
		got = append(got, i.Reactor+" "+i.Space+": "+i.Subject+" "+i.Steps[0].Due.Format(time.RFC3339))
	}
	want := []string{
		"digest spaces/A: 2026-01-05T08:00:00Z spaces/A 2026-01-05T08:00:00Z",
		"digest spaces/D: 2026-01-05T08:00:00Z spaces/D 2026-01-05T08:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one intent for each space, but the excepted and those where it is off (-want +got):\n%s", diff)
	}
	named := parse(t, replace(replace(scheduled, "CRON", "0 9 * * mon"), "{except: [spaces/C]}", "[spaces/A, spaces/B]"))
	own := named.Due(at(t, "2026-01-01 00:00 +01:00"), at(t, "2026-01-06 00:00 +01:00"))
	if got := named.PlanTick(own[0], reactors.Reach{}); len(got) != 1 || got[0].Space != "spaces/A" {
		t.Errorf("a rule that names its spaces asks for %v, want one intent in spaces/A", got)
	}
}

// Every replica plans a tick, so that only its one run may judge it.
func TestTickIsNotJudgedBefore(t *testing.T) {
	t.Parallel()
	src := replace(replace(scheduled, "CRON", "0 9 * * mon"), "    do:", "    if: space.name == \"spaces/D\"\n    do:")
	s := parse(t, src)
	ticks := s.Due(at(t, "2026-01-01 00:00 +01:00"), at(t, "2026-01-06 00:00 +01:00"))
	got := s.PlanTick(ticks[0], reactors.Reach{Spaces: []string{"spaces/A"}})
	if len(got) != 1 || got[0].Outcome != "" || len(got[0].Steps) != 1 {
		t.Errorf("planned %+v, want one run", got)
	}
}
