package events

import "time"

// parseTime reads an RFC 3339 time with none to nine digits of a fraction, as
// Google writes them (fact sheet §8, row 24), and returns it in UTC. It is
// stricter than [time.Parse], which takes a comma and any number of digits,
// and costs half as much.
func parseTime[T string | []byte](s T) (time.Time, bool) {
	// 2026-01-03T02:18:12Z is the shortest.
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	ok := true
	year := digits(s[0:4], &ok)
	month := digits(s[5:7], &ok)
	day := digits(s[8:10], &ok)
	hour := digits(s[11:13], &ok)
	minute := digits(s[14:16], &ok)
	second := digits(s[17:19], &ok)
	rest := s[19:]

	nanos := 0
	if rest[0] == '.' {
		end := 1
		for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
			end++
		}
		if end == 1 || end > 10 {
			return time.Time{}, false
		}
		nanos = digits(rest[1:end], &ok)
		for range 10 - end {
			nanos *= 10
		}
		rest = rest[end:]
	}

	offset := 0
	switch {
	case len(rest) == 1 && rest[0] == 'Z':
	case len(rest) == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		h, m := digits(rest[1:3], &ok), digits(rest[4:6], &ok)
		if h > 23 || m > 59 {
			return time.Time{}, false
		}
		offset = (h*60 + m) * 60
		if rest[0] == '-' {
			offset = -offset
		}
	default:
		return time.Time{}, false
	}

	// Year 0 is no year of Postgres's calendar.
	if !ok || year == 0 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Day() != day { // 30 February, which time.Date turns into March
		return time.Time{}, false
	}
	if offset != 0 {
		t = t.Add(-time.Duration(offset) * time.Second)
	}
	return t, true
}

// digits returns the number that s spells, and clears ok if s isn't all digits.
func digits[T string | []byte](s T, ok *bool) int {
	n := 0
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			*ok = false
		}
		n = n*10 + int(c)
	}
	return n
}
