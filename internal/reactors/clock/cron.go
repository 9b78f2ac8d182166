package clock

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Cron is when a schedule falls due, by the clock on the wall of a zone.
type Cron struct {
	spec   *cron.SpecSchedule
	hourly bool // the hour isn't set: it goes by elapsed time
	zone   *time.Location
	source string
}

// ParseCron reads the five fields of a crontab.
func ParseCron(s string, zone *time.Location) (*Cron, error) {
	const example = "five fields are minute, hour, day of month, month and day of week"
	fields := strings.Fields(s)
	if len(fields) != 5 || strings.Contains(s, "=") {
		return nil, errors.New(example)
	}
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(s)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New(example)
	}
	c := &Cron{spec: spec, hourly: strings.HasPrefix(fields[1], "*"), zone: zone, source: s}
	spec.Location = time.UTC // it is asked about walls
	if c.hourly {
		spec.Location = zone
	}
	if c.Next(time.Unix(0, 0)).IsZero() {
		return nil, errors.New("no such day ever comes")
	}
	return c, nil
}

// Next is the first tick after t; the zero time if there is none in years. A
// set hour that comes twice, as clocks are put back, counts once; one that is
// skipped, as they are put forward, counts when that happens.
func (c *Cron) Next(t time.Time) time.Time {
	if c.hourly {
		return c.spec.Next(t.In(c.zone))
	}
	for wall := wallOf(t, c.zone); ; {
		if wall = c.spec.Next(wall); wall.IsZero() {
			return wall
		}
		if at := instants(wall, c.zone)[0]; at.After(t) {
			return at.In(c.zone)
		}
	}
}

// String is how the file has it.
func (c *Cron) String() string { return c.source }
