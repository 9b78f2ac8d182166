package doctor

import (
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// Print prints the report in the form that was asked for, and for people the next
// step. pre says that it is about what comes before apply.
func (r Report) Print(e *cli.Env, pre bool) error {
	switch e.Format {
	case cli.JSON, cli.YAML:
		return e.Encode(r)
	case cli.Name: // what isn't right
		for _, one := range r.Results {
			if one.Outcome == Failed || one.Outcome == Warning {
				e.Print("%s\n", one.Code)
			}
		}
		return nil
	}
	for i, one := range r.Results {
		if i == 0 || one.Group != r.Results[i-1].Group {
			if i > 0 {
				e.Print("\n")
			}
			e.Print("%s\n", one.Group)
		}
		one.print(e, alike(r.Results, i, e.Format == cli.Wide))
	}
	e.Print("\n%d of %d are right", r.Counts[OK], len(r.Results))
	for _, o := range []Outcome{Failed, Warning, Skipped} {
		if n := r.Counts[o]; n > 0 {
			e.Print(", %d %s", n, map[Outcome]string{Failed: "failed", Warning: "could be better", Skipped: "can't be told"}[o])
		}
	}
	e.Print(".\n")
	r.advise(e, pre)
	return nil
}

// alike is how many results from i on are skipped for the same reason, and so
// take one line; 0 if that line was at an earlier one.
func alike(results []Result, i int, wide bool) int {
	same := func(a, b Result) bool {
		return a.Outcome == Skipped && b.Outcome == Skipped && a.Seen == b.Seen && a.Group == b.Group
	}
	if wide || results[i].Outcome != Skipped {
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

func (r Result) print(e *cli.Env, alike int) {
	if r.Outcome == Skipped {
		switch {
		case alike == 1:
			e.Print("  %s %s %s: %s\n", r.Outcome.sign(e), r.Code, r.Name, r.Seen)
		case alike > 1:
			e.Print("  %s %s and %d more: %s\n", r.Outcome.sign(e), r.Code, alike-1, r.Seen)
		}
		return
	}
	text := r.Name
	if e.Format == cli.Wide || r.Outcome != OK {
		text = r.Code + " " + text
	}
	if e.Format == cli.Wide && r.Seen != "" && r.Outcome == OK {
		text += " (" + r.Seen + ")"
	}
	e.Print("  %s %s\n", r.Outcome.sign(e), text)
	if r.Outcome == OK {
		return
	}
	const indent = "      "
	e.Print(indent+"%s\n", r.Seen)
	for _, step := range r.Fix {
		e.Print(indent+"%s %s\n", arrow(e), step)
	}
	e.Print(indent+"%s\n", cli.Cell{Text: r.Doc, Colour: cli.Faint})
}

var signs = map[Outcome]struct {
	sign, ascii string
	colour      cli.Colour
}{
	OK:      {"√", "ok  ", cli.Green},
	Warning: {"‼", "warn", cli.Yellow},
	Failed:  {"×", "FAIL", cli.Red},
	Skipped: {"–", "skip", cli.Faint},
}

func (o Outcome) sign(e *cli.Env) cli.Cell {
	s := signs[o]
	if speaksUTF8(e) {
		return cli.Cell{Text: s.sign, Colour: s.colour}
	}
	return cli.Cell{Text: s.ascii, Colour: s.colour}
}

func arrow(e *cli.Env) string {
	if speaksUTF8(e) {
		return "→"
	}
	return "->"
}

// speaksUTF8 is no only where the locale says so.
func speaksUTF8(e *cli.Env) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToUpper(e.Getenv(name)); locale != "" {
			return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
		}
	}
	return true
}

// advise names the next step. What rests on something else comes later in the
// report, or is skipped.
func (r Report) advise(e *cli.Env, pre bool) {
	for _, one := range r.Results {
		if one.Outcome == Failed {
			e.Say("Next: mend %s, then subscribe-setup doctor", one.Code)
			return
		}
	}
	if pre {
		e.Say("Next: subscribe-setup plan")
		return
	}
	e.Say("Next: subscribe-setup doctor --probe SPACE shows that events arrive")
}

// Print prints the report in the form that was asked for.
func (r ProbeReport) Print(e *cli.Env) error {
	switch e.Format {
	case cli.JSON, cli.YAML:
		return e.Encode(r)
	case cli.Name:
		if r.Message != "" {
			e.Print("%s\n", r.Message)
		}
		return nil
	}
	for _, h := range r.Hops {
		e.Print("  %s %s: %s\n", h.Outcome.sign(e), h.Name, h.Seen)
		for _, step := range h.Fix {
			e.Print("      %s %s\n", arrow(e), step)
		}
	}
	if lost := r.Lost(); lost != nil && r.Message != "" {
		e.Print("\nThe event has not arrived. Look first at: %s.\n", lost.Name)
	} else if lost != nil {
		e.Print("\nNo message was posted. Look first at: %s.\n", lost.Name)
	} else {
		e.Print("\nIt works: recorded %.1f s after the message was posted.\n", r.Seconds)
	}
	return nil
}
