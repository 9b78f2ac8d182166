package clock

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Zone returns the zone of the IANA database with a name, such as Europe/Berlin. It
// knows the same on all systems: what some have besides, such as localtime, and
// another case, is none.
func Zone(name string) (*time.Location, error) {
	for _, part := range strings.Split(name, "/") {
		if part == "" || part[0] < 'A' || part[0] > 'Z' {
			return nil, fmt.Errorf("%q is not a time zone", name)
		}
	}
	if name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone", name)
	}
	return time.LoadLocation(name)
}

// NearZone is the name of the zone that is meant by one in another case, or by a
// city alone; "" if that can't be told.
func NearZone(name string) string {
	if _, err := Zone(name); err == nil {
		return name
	}
	parts := strings.Split(strings.ToLower(strings.TrimSpace(name)), "/")
	for i, part := range parts {
		parts[i] = properName(part)
	}
	name = strings.Join(parts, "/")
	for _, area := range []string{
		"", "Europe/", "America/", "Asia/", "Africa/", "Australia/", "Pacific/", "Atlantic/", "Indian/", "Etc/", "Antarctica/", "Arctic/",
	} {
		for _, candidate := range []string{area + name, area + strings.ToUpper(name)} {
			if _, err := Zone(candidate); err == nil {
				return candidate
			}
		}
	}
	return ""
}

// properName writes a part of a name as the database does: New_York, Isle_of_Man,
// Port-au-Prince.
func properName(s string) string {
	small := []string{"of", "au", "es"}
	for _, between := range []string{"_", "-"} {
		words := strings.Split(strings.ReplaceAll(s, " ", "_"), between)
		for i, w := range words {
			if w != "" && (i == 0 || !slices.Contains(small, w)) {
				words[i] = strings.ToUpper(w[:1]) + w[1:]
			}
		}
		s = strings.Join(words, between)
	}
	return s
}

// SuggestZone says what to write instead of a name that isn't a zone.
func SuggestZone(name string) string {
	if near := NearZone(name); near != "" {
		return "did you mean " + near + "?"
	}
	return "write it as Area/City, such as Europe/Berlin, or UTC"
}
