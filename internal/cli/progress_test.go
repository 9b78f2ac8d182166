package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// Progress is drawn over on a terminal, told in ever rarer lines elsewhere, and
// not told to programs or with --quiet.
func TestProgress(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	show := func(env cli.Env, every time.Duration, use func(p *cli.Progress, n int)) []string {
		var err strings.Builder
		clock := now
		env.Err, env.Out, env.Now = &err, &err, func() time.Time { return clock }
		p := env.Progress()
		for n := range 10 {
			use(p, n)
			clock = clock.Add(every)
		}
		env.Say("a message")
		p.End()
		return strings.Split(strings.ReplaceAll(err.String(), "\x1b[K", "ERASE"), "\n")
	}
	count := func(p *cli.Progress, n int) { p.Count("validated", n, 10) }
	for name, c := range map[string]struct {
		env   cli.Env
		every time.Duration
		use   func(p *cli.Progress, n int)
		want  []string
	}{
		"terminal": {
			cli.Env{ErrRedraws: true}, 100 * time.Millisecond, count, []string{
				"\rvalidated 2 of 10, about 1s leftERASE\rvalidated 4 of 10, about 1s leftERASE" +
					"\rvalidated 6 of 10, about 0s leftERASE\rvalidated 8 of 10, about 0s leftERASE" +
					"\rERASEa message", "",
			},
		},
		"lines": {cli.Env{Format: cli.Table}, 2 * time.Second, count, []string{
			"validated 3 of 10, about 14s left", "validated 6 of 10, about 8s left", "validated 9 of 10, about 2s left", "a message", "",
		}},
		"lines of hours": {cli.Env{}, 10 * time.Minute, func(p *cli.Progress, n int) {
			if n < 3 {
				p.Reached("", now.Add(-24*time.Hour), now.Add(-24*time.Hour+time.Duration(n)*time.Hour), now)
			}
		}, []string{"up to 2026-11-21 11:00:00, about 3h50m left", "up to 2026-11-21 12:00:00, about 3h40m left", "a message", ""}},
		"parts": {cli.Env{}, 4 * time.Second, func(p *cli.Progress, n int) { p.Part("rebuilt", "space", 0, 1, n, 10) }, []string{
			"rebuilt 0 of 1 space, about 32s left", "rebuilt 0 of 1 space, about 24s left", "rebuilt 0 of 1 space, about 16s left",
			"rebuilt 0 of 1 space, about 8s left", "a message", "",
		}},
		"quiet":   {cli.Env{ErrRedraws: true, Quiet: true}, time.Minute, count, []string{"a message", ""}},
		"program": {cli.Env{Format: cli.JSON}, time.Minute, count, []string{"a message", ""}},
	} {
		if diff := cmp.Diff(c.want, show(c.env, c.every, c.use)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// They become rarer: two hours are no thousands of lines.
func TestProgressOfHours(t *testing.T) {
	t.Parallel()
	var err strings.Builder
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	env := cli.Env{Err: &err, Now: func() time.Time { return now }}
	p := env.Progress()
	for n := range 7200 {
		p.Count("validated", n, 7200)
		now = now.Add(time.Second)
	}
	if n := strings.Count(err.String(), "\n"); n < 100 || n > 200 {
		t.Errorf("%d lines in two hours", n)
	}
}
