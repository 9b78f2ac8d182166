package clock

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hours are times of a week: "Mon-Fri 08:00-18:00, Sat 10:00-12:00" by the clock
// on the wall of a zone.
type Hours struct {
	zone   *time.Location
	byDay  [7][]span // from Sunday
	source string
}

// span is a part of a day, in minutes from midnight; its end isn't in it.
type span struct{ from, to int }

// Allows reports whether t is one of these hours.
func (h *Hours) Allows(t time.Time) bool {
	t = t.In(h.zone)
	minute := t.Hour()*60 + t.Minute()
	for _, s := range h.byDay[t.Weekday()] {
		if minute >= s.from && minute < s.to {
			return true
		}
	}
	return false
}

// Next is the first of these times from t on. A window may begin
// where clocks are put forward, and so when they have been; where they are put
// back it may come twice.
func (h *Hours) Next(t time.Time) time.Time {
	if h.Allows(t) {
		return t
	}
	best := time.Time{}
	offer := func(at time.Time) {
		if !at.IsZero() && !at.Before(t) && h.Allows(at) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	local := t.In(h.zone)
	_, change := local.ZoneBounds()
	offer(change) // it may jump into a window
	y, m, d := local.Date()
	for i := range 9 { // a week, today's rest, and a day for a window that a change of clocks swallows
		date := time.Date(y, m, d+i, 0, 0, 0, 0, time.UTC)
		for _, s := range h.byDay[date.Weekday()] {
			for _, at := range instants(date.Add(time.Duration(s.from)*time.Minute), h.zone) {
				offer(at)
			}
		}
	}
	if best.IsZero() { // the only window was swallowed
		return h.Next(t.Add(week))
	}
	return best.In(t.Location())
}

// end is when hours end that t is one of: the first moment after t that isn't
// one of the same window.
func (h *Hours) end(t time.Time) time.Time {
	local := t.In(h.zone)
	y, m, d := local.Date()
	minute := local.Hour()*60 + local.Minute()
	var ends []time.Time
	for _, s := range h.byDay[local.Weekday()] {
		if minute >= s.from && minute < s.to {
			ends = instants(time.Date(y, m, d, 0, s.to, 0, 0, time.UTC), h.zone)
		}
	}
	if _, change := local.ZoneBounds(); !change.IsZero() {
		ends = append(ends, change) // what comes then, Next says
	}
	ends = slices.DeleteFunc(ends, func(at time.Time) bool { return !at.After(t) })
	return slices.MinFunc(ends, time.Time.Compare)
}

// maxYears bounds how far After looks.
const maxYears = 2

// After is when so much of these hours has passed since t; the zero time if it
// takes more than two years.
func (h *Hours) After(t time.Time, wait time.Duration) time.Time {
	for at, latest := t, t.AddDate(maxYears, 0, 0); at.Before(latest); {
		at = h.Next(at)
		end := h.end(at)
		if due := at.Add(wait); !due.After(end) {
			return due
		}
		wait -= end.Sub(at)
		at = end
	}
	return time.Time{}
}

// maxSpread is over how much time what waits for the same hours is released, at
// most: a tenth of them.
const maxSpread = 10 * time.Minute

// Release is when something that waits for these hours at t may go on. What
// waits together comes one after the other: the key says when.
func (h *Hours) Release(t time.Time, key string) time.Time {
	next := h.Next(t)
	if next.Equal(t) {
		return t
	}
	over := min(maxSpread, h.end(next).Sub(next)/10) / time.Second
	if over < 1 {
		return next
	}
	sum := fnv.New64a()
	sum.Write([]byte(key))
	return next.Add(time.Duration(sum.Sum64()%uint64(over)) * time.Second)
}

// String is how the file has it, with the zone.
func (h *Hours) String() string { return h.source + " " + h.zone.String() }

// weekdays are the days as people abbreviate them; the index is time.Weekday.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// HoursPattern is what [ParseHours] takes, for JSON schemas. It can't tell that
// hours end before they begin.
const (
	HoursPattern = `^` + window + `(,` + window + `)*$`
	window       = `\s*([Dd][Aa][Ii][Ll][Yy]|` + weekday + `(-` + weekday + `)?)\s+` + clockTime + `-` + clockTime + `\s*`
	weekday      = `([Ss][Uu][Nn]|[Mm][Oo][Nn]|[Tt][Uu][Ee]|[Ww][Ee][Dd]|[Tt][Hh][Uu]|[Ff][Rr][Ii]|[Ss][Aa][Tt])`
	clockTime    = `0*(([0-9]|1[0-9]|2[0-3]):[0-5][0-9]|24:00)`
)

// ParseHours reads the hours of a week in a zone. On an error the offset says
// where.
func ParseHours(s string, zone *time.Location) (h *Hours, offset int, err error) {
	days, offset, err := parseWindows(s)
	if err != nil {
		return nil, offset, err
	}
	return &Hours{zone: zone, byDay: days, source: s}, 0, nil
}

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
