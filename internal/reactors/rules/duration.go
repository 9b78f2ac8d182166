package rules

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var errDuration = errors.New("not a duration")

// unit returns what a unit of time stands for. A day is 24 hours: waiting is
// not a matter of calendars.
func unit(s string) (time.Duration, bool) {
	switch s {
	case "ms":
		return time.Millisecond, true
	case "s":
		return time.Second, true
	case "m", "min":
		return time.Minute, true
	case "h":
		return time.Hour, true
	case "d":
		return day, true
	case "w":
		return week, true
	}
	return 0, false
}

// parseDuration reads "2m", "1h30m", "7d", "1w" and "0"; a minus in front is
// read, so that the message about it can be a better one.
func parseDuration(s string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(s, "-")
	if rest == "0" {
		return 0, nil
	}
	if rest == "" {
		return 0, errDuration
	}
	total := 0.0
	for rest != "" {
		digits := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if digits <= 0 {
			return 0, errDuration
		}
		n, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, errDuration
		}
		rest = rest[digits:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r < 'a' || r > 'z' })
		if end < 0 {
			end = len(rest)
		}
		u, ok := unit(rest[:end])
		if !ok {
			return 0, errDuration
		}
		total += n * float64(u)
		rest = rest[end:]
	}
	if total > math.MaxInt64/2 {
		return 0, errDuration
	}
	if negative {
		total = -total
	}
	return time.Duration(total), nil
}

// formatDuration writes a duration as people would: "2m", "24h", "7d".
func formatDuration(d time.Duration) string {
	switch {
	case d != 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d != 0 && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d != 0 && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	}
	return d.String()
}
