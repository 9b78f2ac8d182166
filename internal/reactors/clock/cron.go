package clock

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
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

	eitherDay bool // see EitherDay
}

// ParseCron reads the five fields of a crontab.
func ParseCron(source string, zone *time.Location) (*Cron, error) {
	const example = "five fields are minute, hour, day of month, month and day of week"
	fields := strings.Fields(source)
	if len(fields) != 5 || strings.Contains(source, "=") {
		return nil, errors.New(example)
	}
	written := slices.Clone(fields)
	fields[4] = sundays(fields[4])
	spec, err := parseFields(fields)
	if err != nil {
		return nil, refused(fields, written)
	}
	c := &Cron{spec: spec, hourly: strings.HasPrefix(fields[1], "*"), zone: zone, source: source}
	// A step makes days of a star: */2 names every other one.
	c.eitherDay = spec.Dom&each == 0 && spec.Dow&each == 0
	spec.Location = time.UTC // it is asked about walls
	if c.hourly {
		spec.Location = zone
	}
	if c.Next(time.Unix(0, 0)).IsZero() {
		return nil, errors.New("no such day ever comes")
	}
	return c, nil
}

// each is the bit of a field that names nothing in particular: * or ?.
const each = 1 << 63

func parseFields(fields []string) (*cron.SpecSchedule, error) {
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(strings.Join(fields, " "))
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("not a crontab")
	}
	return spec, nil
}

// refused says which field can't be read, as it is written.
func refused(fields, written []string) error {
	for i, what := range []string{
		"a minute (0-59)", "an hour (0-23)", "a day of the month (1-31)", "a month (1-12, or jan-dec)", "a day of the week (sun-sat, or 0-7)",
	} {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = fields[i]
		switch _, err := parseFields(alone); {
		case err == nil:
		case strings.Contains(err.Error(), "beyond end"):
			return fmt.Errorf("%q ends before it begins; write two ranges with a comma between them", written[i])
		default:
			return fmt.Errorf("%q is not %s", written[i], what)
		}
	}
	return errors.New("it can't be read")
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

// Ever reports whether it falls due at a time that fits. It looks at 28 years, after
// which all days of the year have come on all days of the week, or at 20,000 times.
func (c *Cron) Ever(fits func(time.Time) bool) bool {
	at := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	end := at.AddDate(28, 0, 0)
	for range 20_000 {
		if at = c.Next(at); at.IsZero() || at.After(end) {
			return false
		}
		if fits(at) {
			return true
		}
	}
	return false
}

// EitherDay reports whether a schedule names days of the month and days of the week.
// As in every crontab it falls due on either.
func (c *Cron) EitherDay() bool { return c.eitherDay }

// sundays writes Sunday as 0 where days of the week have it as 7.
func sundays(field string) string {
	parts := strings.Split(field, ",")
	for i, part := range parts {
		days, step, stepped := strings.Cut(part, "/")
		from, to, isRange := strings.Cut(strings.ToLower(days), "-")
		if to == "sun" && from != "sun" && from != "0" {
			to = "7"
		}
		switch {
		case days == "7" && !stepped:
			parts[i] = "0"
		case isRange && to == "7":
			first, err := strconv.Atoi(from)
			if err != nil {
				first = slices.Index(weekdays(), from)
			}
			by := 1
			if stepped {
				by, _ = strconv.Atoi(step)
			}
			if first < 0 || by < 1 {
				continue // it isn't understood, as before
			}
			var list []string
			for day := first; day <= 7; day += by {
				list = append(list, strconv.Itoa(day%7))
			}
			parts[i] = strings.Join(list, ",")
		}
	}
	return strings.Join(parts, ",")
}

// String is how the file has it.
func (c *Cron) String() string { return c.source }
