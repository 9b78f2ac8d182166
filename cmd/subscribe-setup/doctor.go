package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
)

type doctorFlags struct {
	pre     bool
	probe   string
	timeout time.Duration
}

func newDoctor(env *environment) *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps events from arriving, and how to mend it",
		Long: `Look at everything that has to be right before an event reaches the database,
and before rules act on it: the configuration, the identity and its scopes, the
APIs, the Chat app, Pub/Sub, the database, the subscriptions, the worker, the
clocks and the rules. Nothing is changed.
What isn't right is shown with the steps that mend it; docs/doctor.md explains
every code.

With --probe a marked message is posted in a space, and doctor waits until the
worker has recorded its event; if it doesn't, it says how far the event got.

The exit code is 0 if all is well (warnings are allowed), 1 if something failed
and 78 if the configuration has to be changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case cmd.Flags().Changed("timeout") && flags.probe == "":
				return cli.Usage("--timeout goes with --probe")
			case flags.pre && flags.probe != "":
				return cli.Usage("--pre and --probe exclude each other: a probe needs everything")
			case cmd.Flags().Changed("probe") && (config.Target{Target: flags.probe}).Kind() != config.KindSpace:
				return cli.Usage(`--probe %q is not a space's name; it looks like "spaces/AAQAtX4kZ1c"`, flags.probe)
			case flags.timeout <= 0:
				return cli.Usage("--timeout must be more than 0s")
			case flags.probe != "":
				return env.probe(cmd.Context(), flags)
			}
			return env.doctor(cmd.Context(), flags)
		},
	}
	cmd.Flags().BoolVar(&flags.pre, "pre", false, "leave out what can only be so after apply")
	cmd.Flags().StringVar(&flags.probe, "probe", "", "post a message in this `space` and wait for its event")
	cli.DurationFlag(cmd.Flags(), &flags.timeout, "timeout", 2*time.Minute, "how long the event of a probe may take", nil)
	return cmd
}

func (e *environment) doctor(ctx context.Context, flags doctorFlags) error {
	opts := doctor.Options{Pre: flags.pre}
	needs := []config.Need{config.ForApply, config.ForWorker}
	if flags.pre {
		needs = needs[:1]
	}
	opts.Config, opts.ConfigErr = e.Load(needs...)
	opts.Rules = func() ([]doctor.Rule, error) { return readRules(opts.Config) }
	report := doctor.Run(ctx, opts)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.showReport(report); err != nil {
		return err
	}
	if e.ForPeople() {
		e.advise(report, flags)
	}
	switch {
	case opts.ConfigErr != nil:
		return cli.Exit(cli.Misconfigured)
	case report.Outcome == doctor.Failed:
		return cli.Exit(cli.Failed)
	}
	return nil
}

// advise names the next step. What rests on something else comes later in the
// report, or is skipped.
func (e *environment) advise(report doctor.Report, flags doctorFlags) {
	for _, r := range report.Results {
		if r.Outcome == doctor.Failed {
			e.Say("Next: mend %s, then subscribe-setup doctor", r.Code)
			return
		}
	}
	if flags.pre {
		e.Say("Next: subscribe-setup plan")
		return
	}
	e.Say("Next: subscribe-setup doctor --probe SPACE shows that events arrive")
}

func (e *environment) showReport(report doctor.Report) error {
	switch e.Format {
	case cli.JSON, cli.YAML:
		return e.Encode(report)
	case cli.Name: // what isn't right
		for _, r := range report.Results {
			if r.Outcome == doctor.Failed || r.Outcome == doctor.Warning {
				fmt.Fprintln(e.Out, r.Code)
			}
		}
		return nil
	}
	for i, r := range report.Results {
		if i == 0 || r.Group != report.Results[i-1].Group {
			if i > 0 {
				fmt.Fprintln(e.Out)
			}
			fmt.Fprintln(e.Out, r.Group)
		}
		e.showResult(r, e.alike(report.Results, i))
	}
	c := report.Counts
	fmt.Fprintf(e.Out, "\n%d of %d are right", c[doctor.OK], len(report.Results))
	for _, o := range []doctor.Outcome{doctor.Failed, doctor.Warning, doctor.Skipped} {
		if c[o] > 0 {
			fmt.Fprintf(e.Out, ", %d %s", c[o], map[doctor.Outcome]string{doctor.Failed: "failed", doctor.Warning: "could be better", doctor.Skipped: "can't be told"}[o])
		}
	}
	fmt.Fprintln(e.Out, ".")
	return nil
}

// alike is how many results from i on are skipped for the same reason, and so
// take one line; 0 if that line was at an earlier one.
func (e *environment) alike(results []doctor.Result, i int) int {
	same := func(a, b doctor.Result) bool {
		return a.Outcome == doctor.Skipped && b.Outcome == doctor.Skipped && a.Seen == b.Seen && a.Group == b.Group
	}
	if e.Format == cli.Wide || results[i].Outcome != doctor.Skipped {
		return 1
	}
	if i > 0 && same(results[i-1], results[i]) {
		return 0
	}
	n := 1
	for i+n < len(results) && same(results[i], results[i+n]) {
		n++
	}
	return n
}

func (e *environment) showResult(r doctor.Result, alike int) {
	if r.Outcome == doctor.Skipped {
		switch {
		case alike == 1:
			fmt.Fprintf(e.Out, "  %s %s %s: %s\n", e.sign(r.Outcome), r.Code, r.Name, r.Seen)
		case alike > 1:
			fmt.Fprintf(e.Out, "  %s %s and %d more: %s\n", e.sign(r.Outcome), r.Code, alike-1, r.Seen)
		}
		return
	}
	text := r.Name
	if e.Format == cli.Wide || r.Outcome != doctor.OK {
		text = r.Code + " " + text
	}
	if e.Format == cli.Wide && r.Seen != "" && r.Outcome == doctor.OK {
		text += " (" + r.Seen + ")"
	}
	fmt.Fprintf(e.Out, "  %s %s\n", e.sign(r.Outcome), text)
	if r.Outcome == doctor.OK {
		return
	}
	const indent = "      "
	fmt.Fprintln(e.Out, indent+r.Seen)
	for _, step := range r.Fix {
		fmt.Fprintln(e.Out, indent+e.arrow()+" "+step)
	}
	fmt.Fprintln(e.Out, indent+e.Painted(cli.Faint, r.Doc))
}

var doctorSigns = map[doctor.Outcome]struct {
	sign, ascii string
	colour      cli.Colour
}{
	doctor.OK:      {"√", "ok  ", cli.Green},
	doctor.Warning: {"‼", "warn", cli.Yellow},
	doctor.Failed:  {"×", "FAIL", cli.Red},
	doctor.Skipped: {"–", "skip", cli.Faint},
}

func (e *environment) sign(o doctor.Outcome) string {
	s := doctorSigns[o]
	if e.speaksUTF8() {
		return e.Painted(s.colour, s.sign)
	}
	return e.Painted(s.colour, s.ascii)
}

func (e *environment) arrow() string {
	if e.speaksUTF8() {
		return "→"
	}
	return "->"
}

// speaksUTF8 is no only where the locale says so.
func (e *environment) speaksUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToUpper(e.Getenv(name)); locale != "" {
			return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
		}
	}
	return true
}
