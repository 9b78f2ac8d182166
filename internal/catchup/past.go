package catchup

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Past is how far back to go, as the value of a flag: "28d", or a duration
// such as "12h", up to [Kept].
type Past time.Duration

// String implements flag.Value.
func (p *Past) String() string {
	d := time.Duration(*p)
	switch day := 24 * time.Hour; {
	case d == 0:
		return ""
	case d%day == 0:
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}

// Type says in a command's help what it takes.
func (p *Past) Type() string { return "duration" }

// Set implements flag.Value.
func (p *Past) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		return errors.New("write it as 28d or 12h")
	}
	if d <= 0 || d > Kept {
		return errors.New("it is from 1s to 28d, which is how long Google keeps events")
	}
	*p = Past(d)
	return nil
}
