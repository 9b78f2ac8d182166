package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// newReactors is the commands by which people see what rules do, before they
// do it and afterwards.
func newReactors(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reactors",
		Short: "See what rules do and would do, try them out, and stop them",
		Long: `Reactors are the rules in the file that reactors.file in the configuration names.
Write one, look for mistakes with lint, try it with test and preview, and see
with replay what it would have done; runs tells what it decides.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(env.stderr, cmd.UsageString())
			return &usageError{errors.New("name a command")}
		},
	}
	cmd.AddCommand(
		newReactorsLint(env), newReactorsTest(env), newReactorsSchema(env),
		newReactorsPreview(env), newReactorsReplay(env), newReactorsDiff(env),
		newReactorsList(env), newReactorsRuns(env),
		newReactorsRetry(env), newReactorsPause(env), newReactorsResume(env),
	)
	return cmd
}

// oneArg and atMostOne are cobra's, as wrong usage.
func oneArg(cmd *cobra.Command, args []string) error { return wrongArgs(cobra.ExactArgs(1)(cmd, args)) }

func atMostOne(cmd *cobra.Command, args []string) error {
	return wrongArgs(cobra.MaximumNArgs(1)(cmd, args))
}

func wrongArgs(err error) error {
	if err != nil {
		return &usageError{err}
	}
	return nil
}

// arg is the argument, or "".
func arg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// someRules reads the configured rules, or a file's; there have to be some.
func (e *environment) someRules(cfg config.Config, path string) (*rules.Set, error) {
	if path == "" && cfg.Reactors.File == "" {
		return nil, &usageError{errors.New("no file of rules is configured: set reactors.file, or name a file")}
	}
	return e.rules(cfg, path)
}

// knownRule looks a rule up that somebody has named.
func knownRule(set *rules.Set, id, space string) (*rules.Rule, error) {
	rule := set.Rule(id, space)
	if rule == nil {
		var ids []string
		for _, r := range set.Rules() {
			ids = append(ids, r.ID)
		}
		if len(ids) == 0 {
			return nil, &usageError{fmt.Errorf("there is no reactor %q: the file holds none", id)}
		}
		return nil, &usageError{fmt.Errorf("there is no reactor %q: there are %s", id, strings.Join(ids, ", "))}
	}
	return rule, nil
}

// withStore opens the database for one command.
func withStore(ctx context.Context, cfg config.Config, use func(*store.Store) error) error {
	dsn, err := cfg.Database.ConnString()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 4})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.CheckSchema(ctx); err != nil {
		return explainConnecting(err)
	}
	return explainConnecting(use(db))
}

// format is the value of -o.
type format struct{ json bool }

func (f *format) String() string {
	if f.json {
		return "json"
	}
	return "table"
}

// Type says in a command's help what it takes.
func (*format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if !slices.Contains([]string{"table", "json"}, s) {
		return errors.New("it is none of table, json")
	}
	f.json = s == "json"
	return nil
}

func addFormat(cmd *cobra.Command, f *format) {
	cmd.Flags().VarP(f, "output", "o", "table, for people, or json")
}

func printJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// printTable prints rows below their head; "" is shown as -.
func printTable(out io.Writer, head []string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			if cells[i] = oneLine(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// oneLine is a text on one line of a terminal, without its control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// most is how much of a text fits a table.
const mostText = 60

func short(s string) string {
	runes := []rune(s)
	if len(runes) <= mostText {
		return s
	}
	return string(runes[:mostText-1]) + "…"
}

// clockTime is a time in a table.
func clockTime(t time.Time) string { return t.UTC().Format("01-02 15:04:05") }

// moment is the value of --since and --until: how long ago, or a time.
type moment struct {
	ago time.Duration
	at  time.Time
}

func (m *moment) String() string {
	switch day := 24 * time.Hour; {
	case !m.at.IsZero():
		return m.at.Format(time.RFC3339)
	case m.ago == 0:
		return ""
	case m.ago%day == 0:
		return strconv.Itoa(int(m.ago/day)) + "d"
	}
	return m.ago.String()
}

// Type says in a command's help what it takes.
func (*moment) Type() string { return "time" }

// Set implements pflag.Value.
func (m *moment) Set(s string) error {
	*m = moment{}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		m.ago = time.Duration(n) * 24 * time.Hour
		return wrongMoment(err)
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		m.ago = d
		return nil
	}
	var err error
	if m.at, err = time.Parse(time.RFC3339, s); err != nil {
		m.at, err = time.Parse(time.DateOnly, s)
	}
	return wrongMoment(err)
}

func wrongMoment(err error) error {
	if err != nil {
		return errors.New("write it as 14d or 12h ago, or as a time such as 2026-01-05T09:00:00Z")
	}
	return nil
}

// before is the moment, seen from now.
func (m *moment) before(now time.Time) time.Time {
	if !m.at.IsZero() {
		return m.at
	}
	return now.Add(-m.ago)
}
