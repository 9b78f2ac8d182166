package cli

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const day = 24 * time.Hour

// What flags take.
const (
	aDuration = "a duration with its unit, such as 90s, 10m, 12h or 7d"
	aTime     = "how long ago, such as 14d or 12h, or a time such as 2026-01-05T09:00:00Z"
)

// ShortDuration is a duration for people, to its two largest units: "3h59m",
// "6d23h", "45s".
func ShortDuration(d time.Duration) string {
	if d < 0 {
		return "-" + ShortDuration(-d)
	}
	two := func(n int, large string, m int, small string) string {
		switch {
		case n == 0:
			return fmt.Sprint(m, small)
		case m == 0:
			return fmt.Sprint(n, large)
		}
		return fmt.Sprint(n, large, m, small)
	}
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Round(time.Second).Seconds()))
	case d < day:
		d = d.Round(time.Minute)
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "m")
	}
	d = d.Round(time.Hour)
	return two(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

// Duration is the value of a flag that takes a duration: "90s", "12h" or "28d".
type Duration struct {
	value *time.Duration
	check func(time.Duration) error
}

// DurationFlag adds a flag that takes a duration. check refuses values,
// and says what it wants; nil refuses none.
func DurationFlag(flags *pflag.FlagSet, p *time.Duration, name string, value time.Duration, usage string, check func(time.Duration) error) {
	*p = value
	flags.Var(&Duration{p, check}, name, usage)
}

// AtLeast is the check of a [DurationFlag] that refuses anything shorter.
func AtLeast(least time.Duration) func(time.Duration) error {
	return func(d time.Duration) error {
		if d < least {
			return fmt.Errorf("want %s or more, such as %s", strictyaml.FormatDuration(least), strictyaml.FormatDuration(max(10*least, time.Minute)))
		}
		return nil
	}
}

func (d *Duration) String() string {
	if d.value == nil || *d.value == 0 { // pflag asks the zero value, too
		return ""
	}
	return strictyaml.FormatDuration(*d.value)
}

// Type says in a command's help what it takes.
func (*Duration) Type() string { return "duration" }

// Set implements pflag.Value.
func (d *Duration) Set(text string) error {
	value, err := strictyaml.ParseDuration(text)
	if err != nil {
		return wanted("want " + aDuration)
	}
	if d.check != nil {
		if err := d.check(value); err != nil {
			return wanted(err.Error())
		}
	}
	*d.value = value
	return nil
}

// Time is the value of a flag that takes a time, or how long ago it was.
type Time struct {
	Ago time.Duration
	at  time.Time
}

func (t *Time) String() string {
	switch {
	case !t.at.IsZero():
		return t.at.Format(time.RFC3339)
	case t.Ago == 0:
		return ""
	}
	return strictyaml.FormatDuration(t.Ago)
}

// Type says in a command's help what it takes.
func (*Time) Type() string { return "time" }

// Set implements pflag.Value.
func (t *Time) Set(text string) error {
	*t = Time{}
	if d, err := strictyaml.ParseDuration(text); err == nil && d >= 0 {
		t.Ago = d
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 1970 {
			t.at = at
			return nil
		}
	}
	return wanted("want " + aTime)
}

// Before is the time, seen from now.
func (t *Time) Before(now time.Time) time.Time {
	if !t.at.IsZero() {
		return t.at
	}
	return now.Add(-t.Ago)
}
