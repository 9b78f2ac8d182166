package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// QuietHours are the times outside of which a rule keeps quiet. They are times
// of the clock on the wall, of one zone.
type QuietHours struct {
	Drop bool // what falls outside is dropped, not deferred

	zone   *time.Location
	byDay  [7][]span // from Sunday
	source string
}

// span is a part of a day, in minutes from midnight; its end isn't in it.
type span struct{ from, to int }

// Allows reports whether a rule may act at t.
func (q *QuietHours) Allows(t time.Time) bool {
	t = t.In(q.zone)
	minute := t.Hour()*60 + t.Minute()
	for _, s := range q.byDay[t.Weekday()] {
		if minute >= s.from && minute < s.to {
			return true
		}
	}
	return false
}

// Next is the first time from t on at which a rule may act. A window may begin
// where clocks are put forward, and so when they have been; where they are put
// back it may come twice.
func (q *QuietHours) Next(t time.Time) time.Time {
	if q.Allows(t) {
		return t
	}
	best := time.Time{}
	offer := func(at time.Time) {
		if !at.IsZero() && !at.Before(t) && q.Allows(at) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	local := t.In(q.zone)
	_, change := local.ZoneBounds()
	offer(change) // it may jump into a window
	y, m, d := local.Date()
	for i := range 9 { // a week, today's rest, and a day for a window that a change of clocks swallows
		date := time.Date(y, m, d+i, 0, 0, 0, 0, time.UTC)
		for _, s := range q.byDay[date.Weekday()] {
			for _, at := range instants(date.Add(time.Duration(s.from)*time.Minute), q.zone) {
				offer(at)
			}
		}
	}
	if best.IsZero() { // the only window was swallowed
		return q.Next(t.Add(week))
	}
	return best.In(t.Location())
}

// String is how the file has it.
func (q *QuietHours) String() string { return q.source }

// instants lists when a clock of the zone shows a time, which is given as if
// of UTC. There are two where clocks are put back; where they are put forward
// it is the moment that happens.
func instants(wall time.Time, zone *time.Location) []time.Time {
	var found []time.Time
	for _, near := range []time.Time{wall.Add(-day), wall.Add(day)} {
		_, offset := near.In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if wallOf(at, zone).Equal(wall) && !slices.ContainsFunc(found, at.Equal) {
			found = append(found, at)
		}
	}
	if len(found) == 0 {
		_, offset := wall.Add(-day).In(zone).Zone()
		after := wall.Add(-time.Duration(offset) * time.Second)
		change, _ := after.In(zone).ZoneBounds()
		found = append(found, change)
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}

// wallOf is what a clock of the zone shows, as if of UTC.
func wallOf(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

type quietKeys struct {
	Zone  zone   `yaml:"zone" doc:"The time zone, such as Europe/Berlin."`
	Allow string `yaml:"allow" doc:"When the rule may act: Mon-Fri 08:00-18:00, Sat 10:00-12:00."`
	Else  string `yaml:"else" doc:"What becomes of the rest; defer if not set." enum:"defer,drop"`
}

// zone is a time zone of the IANA database.
type zone struct{ loc *time.Location }

func (z *zone) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	s := d.Text(path, n)
	if s == "" {
		return
	}
	loc, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		d.At(n.At, "write it as Area/City, such as Europe/Berlin, or UTC", "%s is not a time zone", path)
		return
	}
	z.loc = loc
}

func (*zone) schema(*schemer) map[string]any {
	return map[string]any{"type": "string", "examples": []string{"Europe/Berlin", "UTC"}}
}

// weekdays are the days as people abbreviate them; the index is time.Weekday.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// parseWindows reads "Mon-Fri 08:00-18:00, Sat 10:00-12:00". On an error the
// offset says where.
func parseWindows(s string) (days [7][]span, offset int, err error) {
	for _, part := range strings.Split(s, ",") {
		begin := offset
		offset += len(part) + 1
		fields := strings.Fields(part)
		at := begin + len(part) - len(strings.TrimLeft(part, " "))
		if len(fields) != 2 {
			return days, at, errors.New("a window is days and hours")
		}
		on, err := parseDays(fields[0])
		if err != nil {
			return days, at, err
		}
		hours, err := parseSpan(fields[1])
		if err != nil {
			return days, begin + strings.LastIndex(part, fields[1]), err
		}
		for _, d := range on {
			days[d] = append(days[d], hours)
		}
	}
	for _, spans := range days {
		slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	}
	return days, 0, nil
}

func parseDays(s string) ([]time.Weekday, error) {
	if strings.EqualFold(s, "daily") {
		return []time.Weekday{0, 1, 2, 3, 4, 5, 6}, nil
	}
	first, last, isRange := strings.Cut(strings.ToLower(s), "-")
	if !isRange {
		last = first
	}
	from, to := slices.Index(weekdays(), first), slices.Index(weekdays(), last)
	if from < 0 || to < 0 {
		return nil, fmt.Errorf("%q is neither a day nor a range of days", s)
	}
	list := []time.Weekday{time.Weekday(from)}
	for from != to {
		from = (from + 1) % 7
		list = append(list, time.Weekday(from))
	}
	return list, nil
}

func parseSpan(s string) (span, error) {
	from, to, _ := strings.Cut(s, "-")
	a, errA := parseClock(from)
	b, errB := parseClock(to)
	switch {
	case errA != nil || errB != nil:
		return span{}, fmt.Errorf("%q is not a range of hours", s)
	case a >= b:
		return span{}, fmt.Errorf("%q ends before it begins; write a night as two windows", s)
	}
	return span{a, b}, nil
}

// parseClock reads "08:00", up to "24:00", in minutes.
func parseClock(s string) (int, error) {
	hours, minutes, ok := strings.Cut(s, ":")
	h, errH := strconv.ParseUint(hours, 10, 8)
	m, errM := strconv.ParseUint(minutes, 10, 8)
	if !ok || errH != nil || errM != nil || len(minutes) != 2 || m > 59 || h*60+m > 24*60 {
		return 0, fmt.Errorf("%q is not a time of day", s)
	}
	return int(h*60 + m), nil
}

func (k *quietKeys) hours(d *strictyaml.Decoder, path string) *QuietHours {
	q := &QuietHours{zone: k.Zone.loc, source: k.Allow}
	if !d.Has(strictyaml.Join(path, "zone")) {
		d.At(d.Where(path), "", "%s needs a zone", path)
	}
	switch k.Else {
	case "", "defer":
	case "drop":
		q.Drop = true
	default:
		d.At(d.Where(strictyaml.Join(path, "else")), strictyaml.Suggest(k.Else, []string{"defer", "drop"}), "%s.else must be defer or drop", path)
	}
	if !d.Has(strictyaml.Join(path, "allow")) {
		d.At(d.Where(path), "for example allow: Mon-Fri 08:00-18:00", "%s needs allow", path)
		return nil
	}
	if n := d.Nodes[strictyaml.Join(path, "allow")]; n.Kind != strictyaml.Text {
		return nil // reported
	}
	days, offset, err := parseWindows(k.Allow)
	if err != nil {
		n := d.Nodes[strictyaml.Join(path, "allow")]
		d.At(n.Inside(offset), "for example Mon-Fri 08:00-18:00, Sat 10:00-12:00", "%s.allow: %v", path, err)
		return nil
	}
	q.byDay = days
	return q
}
