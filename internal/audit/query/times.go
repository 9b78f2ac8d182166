package query

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// tick is the smallest difference between two times in the database.
const tick = time.Microsecond

// The first and the last time that a query may name.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// interval reads the value of created: the times at or after from, and before until.
// From is zero if the value doesn't say since when.
func interval(text string, now time.Time) (from, until time.Time, err error) {
	from, until = earliest, latest
	operator, rest := cut(text)
	low, high, isRange := strings.Cut(rest, "..")
	var begin, end time.Time
	switch {
	case isRange && operator != "":
		return from, until, fmt.Errorf("a range has no %s before it", operator)
	case isRange && low == high && low == "*":
		return from, until, nil
	case isRange:
		if low != "*" {
			if from, _, err = moment(low, now); err != nil {
				return from, until, err
			}
		}
		if high != "*" {
			if _, until, err = moment(high, now); err != nil {
				return from, until, err
			}
		}
		if !from.Before(until) {
			err = errors.New("the range ends before it begins")
		}
		return from, until, err
	}
	if begin, end, err = moment(rest, now); err != nil {
		return from, until, err
	}
	switch operator {
	case ">":
		return end, until, nil
	case ">=":
		return begin, until, nil
	case "<":
		return time.Time{}, begin, nil
	case "<=":
		return time.Time{}, end, nil
	}
	if end.Sub(begin) == tick {
		return from, until, fmt.Errorf("nothing happens at one moment: write created:>%q, or a day", rest)
	}
	return begin, end, nil
}

// cut takes an operator off a value.
func cut(text string) (operator, rest string) {
	for _, operator := range []string{">=", "<=", ">", "<"} {
		if rest, ok := strings.CutPrefix(text, operator); ok {
			return operator, strings.TrimSpace(rest)
		}
	}
	return "", text
}

// moment reads a time: a day up to the next one, any other up to a tick later.
func moment(text string, now time.Time) (begin, end time.Time, err error) {
	day := func(t time.Time) (time.Time, time.Time, error) {
		year, month, d := t.Date()
		return time.Date(year, month, d, 0, 0, 0, 0, t.Location()), time.Date(year, month, d+1, 0, 0, 0, 0, t.Location()), nil
	}
	at := func(t time.Time) (time.Time, time.Time, error) {
		t = t.Truncate(tick)
		if t.Before(earliest) || !t.Before(latest) {
			return t, t, fmt.Errorf("%q is out of all time", text)
		}
		return t, t.Add(tick), nil
	}
	switch text {
	case "now":
		return at(now)
	case "today":
		return day(now)
	case "yesterday":
		return day(now.AddDate(0, 0, -1))
	}
	t, err := time.ParseInLocation(time.DateOnly, text, now.Location())
	if err == nil && !t.Before(earliest) && t.Before(latest.AddDate(0, 0, -1)) {
		return day(t)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at(t)
		}
	}
	if d, err := strictyaml.ParseDuration(text); err == nil && d >= 0 {
		return at(now.Add(-d))
	}
	if t, ok := ago(text, now); ok {
		return at(t)
	}
	return begin, end, fmt.Errorf("%q is no time: want 2026-08-01, 2026-08-01T09:30:00Z, today, yesterday, 2d or \"2 days ago\"", text)
}

// ago reads "2 days ago".
func ago(text string, now time.Time) (time.Time, bool) {
	fields := strings.Fields(text)
	if len(fields) != 3 || fields[2] != "ago" {
		return now, false
	}
	n, err := strconv.Atoi(fields[0])
	if fields[0] == "a" || fields[0] == "an" {
		n, err = 1, nil
	}
	if err != nil || n < 0 || n > 1_000_000 {
		return now, false
	}
	back := func(unit time.Duration) (time.Time, bool) {
		if n > int(math.MaxInt64/unit) {
			return earliest, true
		}
		return now.Add(-time.Duration(n) * unit), true
	}
	switch strings.TrimSuffix(fields[1], "s") {
	case "second":
		return back(time.Second)
	case "minute":
		return back(time.Minute)
	case "hour":
		return back(time.Hour)
	case "day":
		return now.AddDate(0, 0, -n), true
	case "week":
		return now.AddDate(0, 0, -7*n), true
	case "month":
		return now.AddDate(0, -n, 0), true
	case "year":
		return now.AddDate(-n, 0, 0), true
	}
	return now, false
}

// ages reads the value of age: so much or more, and less than the limit.
func ages(text string) (least, limit time.Duration, err error) {
	least, limit = math.MinInt64, math.MaxInt64
	operator, rest := cut(text)
	read := func(text string) time.Duration {
		d, parseErr := strictyaml.ParseDuration(text)
		if parseErr != nil || d < 0 || d > 100*366*24*time.Hour {
			err = fmt.Errorf("%q is no age: want 30m, 12h or 7d", text)
		}
		return d.Truncate(tick)
	}
	if low, high, isRange := strings.Cut(rest, ".."); isRange && operator == "" {
		least, limit = read(low), read(high)+tick
		if err == nil && least >= limit {
			err = errors.New("the range ends before it begins")
		}
		return least, limit, err
	}
	d := read(rest)
	switch operator {
	case ">":
		least = d + tick
	case ">=":
		least = d
	case "<":
		limit = d
	case "<=":
		limit = d + tick
	default:
		if err == nil {
			err = fmt.Errorf("write age:>%s, age:<%[1]s or a range", rest)
		}
	}
	return least, limit, err
}
