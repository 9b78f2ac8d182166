// Package clock tells times as the clock on the wall of a zone shows them: the
// ticks of a crontab, the hours of a week, and time that counts in these alone.
//
// Days on which clocks are put forward or back have their 23 or 25 hours: a time
// that comes twice counts once for a crontab, one that is skipped counts when
// that happens.
//
// The data of all zones is part of the program, for systems that have none.
// Everything here is pure: the caller brings the time. What can't be read is an
// error that says where.
package clock

import (
	"slices"
	"time"
	_ "time/tzdata" // Alpine, Windows and an empty image have none
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Wall is a time to come as the clock on the wall shows it, with its zone:
// "Mon 30 Nov 09:00 Europe/Berlin".
func Wall(t time.Time) string { return t.Format("Mon 02 Jan 15:04 ") + t.Location().String() }

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
