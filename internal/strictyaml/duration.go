package strictyaml

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const day = 24 * time.Hour

// DurationForm says how a duration is written.
const DurationForm = "write it with its unit, such as 90s, 10m, 1h30m or 7d"

var errDuration = errors.New("not a duration: " + DurationForm)

var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "\u00b5s": time.Microsecond, "\u03bcs": time.Microsecond, "ms": time.Millisecond,
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
	if !negative {
		rest = strings.TrimPrefix(s, "+")
	}
	if rest == "0" {
		return 0, nil
	}
	total := new(big.Rat)
	for more := true; more; more = rest != "" {
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		rest = rest[len(number):]
		name := rest[:len(rest)-len(strings.TrimLeftFunc(rest, unicode.IsLetter))]
		rest = rest[len(name):]
		n, ok := new(big.Rat).SetString(number)
		unit, known := Unit(name)
		if !ok || !known {
			return 0, errDuration
		}
		total.Add(total, n.Mul(n, new(big.Rat).SetInt64(int64(unit))))
	}
	ns := new(big.Int).Quo(total.Num(), total.Denom())
	if !ns.IsInt64() {
		return 0, errDuration
	}
	if negative {
		return -time.Duration(ns.Int64()), nil
	}
	return time.Duration(ns.Int64()), nil
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
