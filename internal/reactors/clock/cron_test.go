package clock_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
)

// Both kinds of days are named wherever a schedule falls due on either: so it does
// with a star that has a step.
func TestEitherDay(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		"0 9 * * *": false, "0 9 * * MON": false, "0 9 1-7 * *": false, "0 9 ? * MON": false, "0 9 1-7 * ?": false, "0 9 */1 * MON": false,
		"0 9 1-7 * MON": true, "0 9 */2 * MON": true, "0 9 */7 * MON": true, "0 9 1-7 * */2": true, "0 9 ?/2 * MON": true, "0 9 */2 * */2": true,
	} {
		c, err := clock.ParseCron(source, time.UTC)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := c.EitherDay(); got != want {
			t.Errorf("%s: either day %t, want %t", source, got, want)
		}
		// What is said is what is done: Mondays and other days.
		due := map[time.Weekday]bool{}
		for at, i := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0; i < 40; i++ {
			at = c.Next(at)
			due[at.Weekday()] = true
		}
		if want && len(due) == 1 {
			t.Errorf("%s falls due on %v alone, though it names other days as well", source, due)
		}
	}
}

// A range of days may end with Sunday, whatever it is called.
func TestCronUpToSunday(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"0 9 * * fri-sun", "0 9 * * fri-7", "0 9 * * Fri-Sun", "0 9 * * 5-sun", "0 9 * * 5-7", "0 9 * * fri,sat-sun"} {
		c, err := clock.ParseCron(source, time.UTC)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got := ""
		for at, i := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC), 0; i < 4; i++ { // a Monday
			at = c.Next(at)
			got += at.Format("Mon ")
		}
		if want := "Fri Sat Sun Fri "; got != want {
			t.Errorf("%s falls due on %s, want %s", source, got, want)
		}
	}
	for _, source := range []string{"0 9 * * sun-sun", "0 9 * * 0-sun"} {
		c, err := clock.ParseCron(source, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Next(c.Next(time.Unix(0, 0))).Sub(c.Next(time.Unix(0, 0))); got != 7*24*time.Hour {
			t.Errorf("%s falls due each %v, want a week", source, got)
		}
	}
}

func TestParseCronSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"0 9 * * Monday":  `"Monday" is not a day of the week (sun-sat, or 0-7)`,
		"0 9 * * 8":       `"8" is not a day of the week (sun-sat, or 0-7)`,
		"0 9 * * MON#1":   `"MON#1" is not a day of the week (sun-sat, or 0-7)`,
		"0 9 * * fri-mon": `"fri-mon" ends before it begins; write two ranges with a comma between them`,
		"0 24 * * *":      `"24" is not an hour (0-23)`,
		"60 9 * * *":      `"60" is not a minute (0-59)`,
		"0 9 L * *":       `"L" is not a day of the month (1-31)`,
		"0 9 * 13 *":      `"13" is not a month (1-12, or jan-dec)`,
		"@daily":          "five fields are minute, hour, day of month, month and day of week",
		"0 9 30 2 *":      "no such day ever comes",
	} {
		if _, err := clock.ParseCron(source, time.UTC); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}

// Only what every system has is a zone, and what is meant by another name is told.
func TestZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "UTC", "America/Port-au-Prince", "America/Argentina/Buenos_Aires", "Etc/GMT+1", "CET"} {
		if _, err := clock.Zone(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := clock.NearZone(name); got != name {
			t.Errorf("near %s is %q", name, got)
		}
	}
	for name, want := range map[string]string{
		"europe/berlin": "Europe/Berlin", "Berlin": "Europe/Berlin", "EUROPE/BERLIN": "Europe/Berlin", "new york": "America/New_York",
		"America/New York": "America/New_York", "utc": "UTC", "buenos aires": "America/Buenos_Aires", "Port-au-prince": "America/Port-au-Prince",
		"localtime": "", "posix/Europe/Berlin": "", "Local": "", "": "", "CEST": "", "../etc/passwd": "", "Europe/": "", "Übersee": "",
	} {
		if _, err := clock.Zone(name); err == nil {
			t.Errorf("%q is a zone", name)
		}
		if got := clock.NearZone(name); got != want {
			t.Errorf("near %q is %q, want %q", name, got, want)
		}
	}
}
