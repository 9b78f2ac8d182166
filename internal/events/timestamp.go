package events

import (
	"strings"
	"time"
)

// parseTime reads an RFC 3339 time with none to nine digits of a fraction, as
// Google writes them (fact sheet §8, row 24), and returns it in UTC.
func parseTime[T string | []byte](s T) (time.Time, bool) {
	text := string(s)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, false
	}
	// The library also takes an hour of one digit, a comma, more digits, an offset
	// of 24 hours or 60 minutes, and the year 0, which Postgres's calendar lacks.
	_, fraction, _ := strings.Cut(text, ".")
	digits := len(fraction) - len(strings.TrimLeft(fraction, "0123456789"))
	zone := text[len(text)-len("23:59"):]
	if !strings.HasSuffix(zone, "Z") && (zone > "23:59" || zone[3] > '5') {
		return time.Time{}, false
	}
	if text[13] != ':' || strings.Contains(text, ",") || digits > 9 || t.Year() == 0 {
		return time.Time{}, false
	}
	return t.UTC(), true
}
