package strictyaml

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// DurationForm says how a duration is written.
const DurationForm = "write it with its unit, such as 90s, 10m, 1h30m or 7d"

var errDuration = errors.New("not a duration: " + DurationForm)

var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "min": time.Minute, "h": time.Hour, "d": day, "w": 7 * day,
}

// Unit returns what a unit of time stands for. A day is 24 hours, whatever the
// calendar says.
func Unit(s string) (time.Duration, bool) {
	d, ok := units[s]
	return d, ok
}

// ParseDuration reads "2m", "1h30m", "7d", "1w" and "0", wherever a duration is
// written: in files, in environment variables and in flags. It reads a minus in
// front, so that the caller's message about it can be a better one.
func ParseDuration(s string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(s, "-")
	switch rest {
	case "0":
		return 0, nil
	case "":
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
		end := strings.IndexFunc(rest, func(r rune) bool { return (r < 'a' || r > 'z') && r != 'µ' })
		if end < 0 {
			end = len(rest)
		}
		unit, ok := Unit(rest[:end])
		if !ok {
			return 0, errDuration
		}
		total += n * float64(unit)
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

// FormatDuration writes a duration as people would: "2m", "36h", "7d".
func FormatDuration(d time.Duration) string {
	for _, name := range []string{"d", "h", "m"} {
		if unit := units[name]; d != 0 && d%unit == 0 {
			return strconv.FormatInt(int64(d/unit), 10) + name
		}
	}
	return d.String()
}
