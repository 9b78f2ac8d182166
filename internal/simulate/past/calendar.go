package past

import (
	"math"
	"slices"
	"time"
)

// calendar says when people work, and when what is told of the past happens.
type calendar struct {
	from, to time.Time
	zone     *time.Location
	workdays []time.Time // their midnights, without holidays
	holidays []time.Time
	launch   []time.Time // the days of the launch week
}

// newCalendar fits what happens into the working days that there are: two holidays
// and a launch need some weeks.
func newCalendar(o Options) calendar {
	c := calendar{from: o.From.UTC(), to: o.To.UTC(), zone: o.Zone}
	for day := c.midnight(c.from); day.Before(c.to); day = c.tomorrow(day) {
		if d := day.Weekday(); d != time.Saturday && d != time.Sunday && !day.Before(c.from) {
			c.workdays = append(c.workdays, day)
		}
	}
	if n := len(c.workdays); n >= 15 {
		first := c.workdays[n*11/20]
		_, week := first.ISOWeek()
		for _, day := range c.workdays {
			if _, w := day.ISOWeek(); w == week {
				c.launch = append(c.launch, day)
			}
		}
		c.holidays = []time.Time{c.workdays[n/5], c.workdays[n*4/5]}
		c.workdays = slices.DeleteFunc(c.workdays, func(day time.Time) bool { return slices.Contains(c.holidays, day) })
	}
	if len(c.workdays) == 0 {
		c.workdays = []time.Time{c.midnight(c.from)} // a weekend
	}
	return c
}

// at is the working day after a share of all, at an hour. It is in the past, and
// so is all that counts on it.
func (c *calendar) at(share float64, hour int) time.Time {
	day := c.workdays[int(share*float64(len(c.workdays)-1))]
	t := time.Date(day.Year(), day.Month(), day.Day(), hour, 0, 0, 0, c.zone)
	if t.Before(c.from) {
		t = c.from
	}
	return t
}

func (c *calendar) midnight(t time.Time) time.Time {
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.zone)
}

func (c *calendar) tomorrow(day time.Time) time.Time { return c.midnight(day.Add(36 * time.Hour)) }

// rhythm is how much is said on each day of the week, from Sunday.
var rhythm = []float64{0.04, 1, 1.1, 1.1, 1, 0.8, 0.06}

// activity is how much is said in a space on a day. It grows slowly; one space
// falls silent.
func (c *calendar) activity(s *space, day time.Time) float64 {
	share := float64(day.Sub(c.from)) / float64(c.to.Sub(c.from))
	much := rhythm[day.Weekday()] * (0.85 + 0.3*share)
	switch {
	case slices.Contains(c.holidays, day):
		much = 0.05
	case slices.Contains(c.launch, day):
		much *= 3
	}
	if s.index == silentSpace {
		much *= max(0, 1-share/0.6)
	}
	return much
}

// workingTime is a time of a day at which somebody might write.
func (p *Past) workingTime(day time.Time) time.Time {
	var hour float64
	switch n := p.rng.IntN(20); {
	case n < 9:
		hour = 10.3 + 1.1*p.rng.NormFloat64()
	case n < 17:
		hour = 14.7 + 1.4*p.rng.NormFloat64()
	default:
		hour = 8 + 13*p.rng.Float64()
	}
	hour = min(max(hour, 6), 23.5)
	return day.Add(time.Duration(hour * float64(time.Hour))).Truncate(time.Microsecond)
}

// later is a time after another: whoever would answer at night does so in the
// morning, mostly.
func (p *Past) later(t time.Time, median time.Duration, spread float64) time.Time {
	t = t.Add(time.Duration(float64(median) * math.Exp(spread*p.rng.NormFloat64()))).Truncate(time.Microsecond)
	if p.working(t) || p.rng.IntN(10) == 0 {
		return t
	}
	day := p.midnight(t)
	if t.In(p.zone).Hour() >= 20 {
		day = p.tomorrow(day)
	}
	for rhythm[day.Weekday()] < 0.5 || slices.Contains(p.holidays, day) {
		day = p.tomorrow(day)
	}
	return day.Add(8*time.Hour + time.Duration(p.rng.Int64N(150*60e6))*time.Microsecond)
}

// working reports whether people work at a time.
func (c *calendar) working(t time.Time) bool {
	hour := t.In(c.zone).Hour()
	return hour >= 7 && hour < 20 && rhythm[t.In(c.zone).Weekday()] > 0.5 && !slices.Contains(c.holidays, c.midnight(t))
}

// loss is a time in which nobody was told of a space's events.
type loss struct {
	from, to time.Time
	fetched  bool
}

// lossesOf are those of a space, in order.
func (c *calendar) lossesOf(s *space) []loss {
	outage := c.at(0.9, 11)
	list := []loss{{outage, c.noLater(outage.Add(4 * time.Hour)), true}}
	if s.index == gapSpace {
		gap := c.at(0.35, 8)
		list = slices.Insert(list, 0, loss{gap, gap.Add(min(48*time.Hour, c.to.Sub(c.from)/4)), false})
	}
	return list
}

// noLater keeps a time within the past, with room for what follows from it.
func (c *calendar) noLater(t time.Time) time.Time {
	if last := c.to.Add(-10 * time.Minute); t.After(last) {
		return last
	}
	return t
}
