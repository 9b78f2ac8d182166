package doctor

import (
	"context"
	"fmt"
	"time"
)

// A clock that is wrong by slack makes times in logs and latencies wrong; by
// tooFar, tokens are refused and events look as if they came from the future.
// The database's and this machine's are compared more closely than either can be
// with Google's.
const (
	slack  = 30 * time.Second
	tooFar = 5 * time.Minute
	apart  = 5 * time.Second
)

func clockChecks() []check {
	return []check{
		{
			code: "SK801", group: groupClock, name: "this machine's clock agrees with Google's",
			pre: true, needs: []string{"SK202"}, run: clockOfGoogle,
		},
		{
			code: "SK802", group: groupClock, name: "the database's clock agrees with Google's",
			pre: true, needs: []string{"SK202", "SK601"}, run: withInspection(clockOfDatabase),
		},
		{
			code: "SK803", group: groupClock, name: "this machine's clock agrees with the database's",
			pre: true, needs: []string{"SK601"}, run: withInspection(clocksTogether),
		},
	}
}

func clockOfGoogle(_ context.Context, e *examination) finding {
	return judge("this machine", -e.ahead(), "switch time synchronization on: timedatectl set-ntp true")
}

// clockOfDatabase compares by way of ours: Google's time is ours plus ahead.
func clockOfDatabase(_ context.Context, e *examination, in inspection) finding {
	google := in.at.Add(e.ahead())
	return judge("the database server", in.Now.Sub(google), "switch time synchronization on where Postgres runs: timedatectl set-ntp true")
}

// clocksTogether leaves it to the other two checks to name the clock that is
// wrong, if Google's tells.
func clocksTogether(_ context.Context, e *examination, in inspection) finding {
	ahead := in.Now.Sub(in.at)
	if ahead.Abs() <= apart {
		return fine("within %s", apart)
	}
	if err := e.reached(); err == nil {
		switch {
		case e.ahead().Abs() > slack:
			return skipped("first SK801 has to be mended")
		case (ahead - e.ahead()).Abs() > slack:
			return skipped("first SK802 has to be mended")
		}
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return warning(fmt.Sprintf("the database server's clock is %s %s this machine's", ahead.Abs().Round(time.Second), word),
		"switch time synchronization on, here and where Postgres runs: timedatectl set-ntp true")
}

// judge rates a clock that is fast by so much, or slow if negative.
func judge(whose string, fast time.Duration, fix string) finding {
	word := "ahead of"
	if fast < 0 {
		word = "behind"
	}
	seen := fmt.Sprintf("%s is %s %s Google's clock", whose, fast.Abs().Round(time.Second), word)
	switch {
	case fast.Abs() > tooFar:
		return failed(seen, fix)
	case fast.Abs() > slack:
		return warning(seen, fix)
	}
	return fine("within %s", slack)
}
