package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	schema := errors.New("the schema is old")
	for name, test := range map[string]struct {
		err  error
		args []string
		code int
		says string
	}{
		"well":          {nil, []string{"do"}, OK, ""},
		"failed":        {errors.New("one\n\ntwo"), []string{"do"}, Failed, "x: one\nx: two\n"},
		"silent":        {Exit(Pending), []string{"do"}, Pending, ""},
		"wrong use":     {Usage("say %s", "more"), []string{"do"}, Misused, "x: say more (see --help)\n"},
		"wrong flag":    {nil, []string{"do", "--fast"}, Misused, "x: unknown flag --fast for \"x do\" (see --help)\n"},
		"argument":      {nil, []string{"do", "it"}, Misused, "x: do takes no arguments, got \"it\" (see --help)\n"},
		"configuration": {&config.Error{}, []string{"do"}, Misconfigured, "0 problems in the configuration\n"},
		"alike":         {schema, []string{"do"}, Misconfigured, "x: the schema is old\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			e := Env{Out: io.Discard, Err: &said}
			root := e.Group(&cobra.Command{Use: "x"}, &cobra.Command{Use: "do", RunE: func(*cobra.Command, []string) error { return test.err }})
			code := e.Run(t.Context(), root, test.args, func(err error) bool { return errors.Is(err, schema) })
			if code != test.code || said.String() != test.says {
				t.Errorf("got %d and %q, want %d and %q", code, said.String(), test.code, test.says)
			}
		})
	}
}

// cancelled is what Postgres answers to a statement that was cancelled.
type cancelled struct{}

func (cancelled) Error() string {
	return "ERROR: canceling statement due to user request (SQLSTATE 57014)"
}
func (cancelled) SQLState() string { return "57014" }

// Ctrl-C is told as what it is, and what it interrupted, in nobody else's words.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		code int
		says string
	}{
		"a statement":          {ctx, fmt.Errorf("read the past: %w", cancelled{}), Interrupted, "x: read the past: interrupted\n"},
		"a wait":               {ctx, fmt.Errorf("wait for it: %w", context.Canceled), Interrupted, "x: wait for it: interrupted\n"},
		"by a statement limit": {t.Context(), cancelled{}, Failed, "x: " + cancelled{}.Error() + "\n"},
		"something else":       {ctx, errors.New("interrupted after 3: run it again"), Failed, "x: interrupted after 3: run it again\n"},
		"told by the log":      {ctx, Logged(fmt.Errorf("stop: %w", context.Canceled)), Failed, ""},
	} {
		var said bytes.Buffer
		e := Env{Out: io.Discard, Err: &said}
		root := e.Group(&cobra.Command{Use: "x"}, &cobra.Command{Use: "do", RunE: func(*cobra.Command, []string) error { return test.err }})
		if code := e.Run(test.ctx, root, []string{"do"}, nil); code != test.code || said.String() != test.says {
			t.Errorf("%s: got %d and %q, want %d and %q", name, code, said.String(), test.code, test.says)
		}
	}
}

// Whatever a cell holds, it stays on its line and in its column.
func TestTableCleansCells(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	e := Env{Out: &out, Paints: true}
	if err := e.Rows([]string{"NAME", "N"}, [][]string{{"a\n\x1b[31mb\u202ec", "1"}, {"ü 👩‍🚒", ""}}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME        N\na  [31mb c  1\nü 👩‍🚒       -\n"; out.String() != want {
		t.Errorf("got\n%q, want\n%q", out.String(), want)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\r\x00\x1b]0;title\x07\u2028\u2066\u061c\u0085\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if strings.ContainsAny(got, "\n\r\t\x00\x07\x1b\x7f\u0085\u009b\u2028\u2029\u200e\u200f\u061c\u202a\u202e\u2066\u2069\ufeff") || Clean(got) != got {
			t.Errorf("Clean(%q) = %q", text, got)
		}
	})
}

func TestFlags(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"": "2026-01-04T09:00:00Z", "14d": "2025-12-22T09:00:00Z", "90m": "2026-01-05T07:30:00Z", "2026-01-01": "2026-01-01T00:00:00Z",
		"2026-01-01T10:00:00+02:00": "2026-01-01T10:00:00+02:00", "-1h": "", "soon": "", "1.5d": "2026-01-03T21:00:00Z",
	} {
		at := Time{Ago: 24 * time.Hour}
		var err error
		if text != "" {
			err = at.Set(text)
		}
		if (err != nil) != (want == "") || err == nil && at.Before(now).Format(time.RFC3339) != want {
			t.Errorf("--since %q: got %s, %v, want %q", text, at.Before(now), err, want)
		}
	}
	var cmd cobra.Command
	var d time.Duration
	DurationFlag(cmd.Flags(), &d, "for", time.Minute, "", func(d time.Duration) error {
		if d > 48*time.Hour {
			return errors.New("too long")
		}
		return nil
	})
	for text, want := range map[string]time.Duration{"1d": 24 * time.Hour, "90s": 90 * time.Second, "3d": 0, "a week": 0} {
		d = 0
		if err := cmd.Flags().Set("for", text); (err != nil) != (want == 0) || d != want {
			t.Errorf("--for %q: got %s, %v, want %s", text, d, err, want)
		}
	}
}

func TestShortDuration(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": 0, "45s": 45 * time.Second, "1m": time.Minute, "3h59m": 4*time.Hour - time.Minute, "4h": 4 * time.Hour,
		"6d23h": 7*24*time.Hour - time.Hour, "7d": 7*24*time.Hour - time.Second, "-2h": -2 * time.Hour,
	} {
		if got := ShortDuration(d); got != want {
			t.Errorf("ShortDuration(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]bool{"y\n": true, "YES": true, "n\n": false, "\n": false, "": false} {
		e := Env{In: strings.NewReader(typed), Err: io.Discard}
		if got, err := e.Confirm(t.Context(), "Apply this?"); got != want || err != nil {
			t.Errorf("%q: got %t, %v", typed, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, out := io.Pipe()
	defer out.Close()
	e := Env{In: in, Err: io.Discard}
	if got, err := e.Confirm(ctx, "Apply this?"); got || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %t, %v", got, err)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var out, messages strings.Builder
	e := &Env{Out: &out, Err: &messages, Paints: true}
	e.Print("%s %v %s %d\n", "a\x1b[2J\nb", errors.New("c\u202ed"), Cell{Text: "e\x07\n", Colour: Red}, 5)
	if want := "a [2J\nb c d \x1b[31me  \x1b[0m 5\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	e.Say("%s", "a\x1b\nb")
	if want := "a \nb\n"; messages.String() != want {
		t.Errorf("got %q, want %q", messages.String(), want)
	}
}

// What a terminal would obey is escaped, and means the same to programs.
func TestEncodeEscapes(t *testing.T) {
	t.Parallel()
	const hostile = "Ω\u009b2J\u202e\U000e0001 \U0001F600 \u200d"
	for _, form := range []string{JSON, YAML} {
		var out strings.Builder
		e := &Env{Out: &out, Format: form}
		if err := e.Encode(map[string]string{"name": hostile}); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); CleanLines(text) != text || !strings.Contains(text, "Ω") || !strings.Contains(text, "\U0001F600") {
			t.Errorf("%s: %q", form, text)
		}
		var back map[string]string
		if err := yaml.Unmarshal([]byte(out.String()), &back); err != nil || back["name"] != hostile {
			t.Errorf("%s reads back as %q: %v", form, back["name"], err)
		}
	}
}
