package analytics

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/plot"
)

// maxBlocks is how many bars a series has beside its number.
const maxBlocks = 28

// Options say how a report is printed.
type Options struct {
	Compare bool // with the numbers of before
	Explain bool // with the definitions

	Pictures string // folder for plots; "" for none
}

// The forms of a report, beside cli's.
const (
	Markdown = "markdown"
	CSV      = "csv"
)

// Print prints the report in the form that was asked for.
func (r *Report) Print(e *cli.Env, o Options) error {
	switch e.Format {
	case cli.JSON:
		return e.Encode(r)
	case CSV:
		return r.printCSV(e.Out, o)
	case Markdown:
		return r.printMarkdown(e.Out, o)
	}
	e.Print("%s\n", r.heading())
	var lines [][]cli.Cell
	for i, n := range r.Numbers {
		if i == 0 || n.Section != r.Numbers[i-1].Section {
			lines = append(lines, []cli.Cell{{}}, cellsOf(o.columns(strings.ToUpper(n.Section), len(r.Days))))
		}
		line := cellsOf(o.row(&n))
		change := &line[len(line)-3]
		switch n.Verdict {
		case "better":
			change.Colour = cli.Green
		case "worse":
			change.Colour = cli.Red
		}
		lines = append(lines, line)
	}
	if err := e.Table(lines); err != nil || !o.Explain {
		return err
	}
	e.Print("\n")
	for _, n := range r.Numbers {
		e.Print("%s: %s%s\n", n.Title, n.Definition, n.rules())
	}
	return nil
}

// heading says what the numbers are of.
func (r *Report) heading() string {
	of := "All spaces"
	if r.Space != allSpaces {
		of = r.Space
		if r.SpaceName != "" {
			of = fmt.Sprintf("%s (%s)", cli.Clean(r.SpaceName), r.Space)
		}
	}
	text := fmt.Sprintf("%s, %s from %s to before %s, against as many before", of, cli.Count(len(r.Days), "day"), r.Since, r.Until)
	if r.Unended {
		text += "; the last still goes on"
	}
	return text
}

func (o Options) columns(section string, days int) []string {
	by := "BY DAY"
	if size := chunkOf(days); size > 1 {
		by = fmt.Sprintf("BY %d DAYS", size)
	}
	if o.Compare {
		return []string{section, "VALUE", "UNIT", "BEFORE", "CHANGE", by, "NOTE"}
	}
	return []string{section, "VALUE", "UNIT", "CHANGE", by, "NOTE"}
}

// row is a number as texts, in the order of the columns.
func (o Options) row(n *Number) []string {
	unit := n.Unit
	if n.unit() != plot.Count {
		unit = "" // the value tells
	}
	row := []string{n.Title, n.unit().Text(float64(n.Value)), unit}
	if o.Compare {
		row = append(row, n.unit().Text(float64(n.Before)))
	}
	return append(row, n.change(), plot.Blocks(chunks(n.Series)), n.note())
}

func cellsOf(texts []string) []cli.Cell {
	cells := make([]cli.Cell, len(texts))
	for i, text := range texts {
		cells[i].Text = text
	}
	return cells
}

// change is how much more or less it is, and whether that is good.
func (n *Number) change() string {
	if !n.Change.known() {
		return plot.None
	}
	text := n.unit().Text(float64(n.Change))
	switch {
	case n.unit() == plot.Share: // the difference of two shares is no share
		text = strings.TrimSuffix(text, "%") + " points"
	case text == "0s", text == "-0s":
		text = "0"
	}
	if n.Change > 0 && strings.Trim(text, "0") != "" {
		text = "+" + text
	}
	return strings.TrimSpace(text + " " + n.Verdict)
}

// note marks what was not fully watched.
func (n *Number) note() string {
	switch {
	case n.Partial && n.PartBefore:
		return "partial, and before"
	case n.Partial:
		return "partial"
	case n.PartBefore:
		return "partial before"
	}
	return ""
}

// rules are what else a definition says.
func (n *Number) rules() string {
	var rules []string
	switch n.Direction {
	case "up":
		rules = append(rules, "more is better")
	case "down":
		rules = append(rules, "less is better")
	}
	if n.Denominates != "" {
		rules = append(rules, "of "+n.Denominates)
	}
	if len(rules) == 0 {
		return ""
	}
	return " (" + strings.Join(rules, "; ") + ")"
}

// chunkOf is of how many days each bar is the mean.
func chunkOf(days int) int { return (days + maxBlocks - 1) / maxBlocks }

// chunks is a series as at most maxBlocks values, each the mean of some days.
func chunks(series []Value) []float64 {
	size := chunkOf(len(series))
	var list []float64
	for from := 0; from < len(series); from += size {
		total, count := 0.0, 0.0
		for _, v := range series[from:min(from+size, len(series))] {
			if v.known() {
				total, count = total+float64(v), count+1
			}
		}
		list = append(list, total/count) // of none: NaN
	}
	return list
}

func (r *Report) printMarkdown(out io.Writer, o Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n", markdown(r.heading()))
	line := func(cells []string) {
		b.WriteByte('|')
		for _, c := range cells {
			b.WriteString(" " + markdown(c) + " |")
		}
		b.WriteByte('\n')
	}
	for i, n := range r.Numbers {
		if i == 0 || n.Section != r.Numbers[i-1].Section {
			columns := o.columns(strings.ToUpper(n.Section[:1])+n.Section[1:], len(r.Days))
			b.WriteByte('\n')
			line(columns)
			b.WriteString("|---" + strings.Repeat("|---", len(columns)-1) + "|\n")
		}
		line(o.row(&n))
	}
	if o.Explain {
		b.WriteByte('\n')
		for _, n := range r.Numbers {
			fmt.Fprintf(&b, "- **%s**: %s\n", markdown(n.Title), markdown(n.Definition+n.rules()))
		}
	}
	return write(out, b.String())
}

// markdown is a text that means nothing but itself, on one line.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range cli.Clean(text) {
		if strings.ContainsRune("\\`*_[]<>|#&!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (r *Report) printCSV(out io.Writer, o Options) error {
	head := []string{
		"metric", "section", "title", "unit", "direction", "since", "until", "space_id", "value", "numerator", "denominator", "coverage_ratio",
		"is_partial", "before", "before_is_partial", "change", "verdict",
	}
	if o.Explain {
		head = append(head, "definition")
	}
	text := strings.Join(head, ",") + "\n"
	for _, n := range r.Numbers {
		cells := []string{
			quoted(n.Metric), quoted(n.Section), quoted(n.Title), quoted(n.Unit), quoted(n.Direction), r.Since, r.Until, quoted(r.Space),
			plain(n.Value), plain(n.Numerator), plain(n.Denominator), plain(n.Coverage),
			strconv.FormatBool(n.Partial), plain(n.Before), strconv.FormatBool(n.PartBefore), plain(n.Change), n.Verdict,
		}
		if o.Explain {
			cells = append(cells, quoted(n.Definition))
		}
		text += strings.Join(cells, ",") + "\n"
	}
	return write(out, text)
}

func quoted(text string) string { return string(AppendCSVText(nil, []byte(text))) }

// plain is a number for programs: in its unit, seconds or a share of 1.
func plain(v Value) string {
	if !v.known() {
		return ""
	}
	return strconv.FormatFloat(math.Round(float64(v)*1e9)/1e9, 'f', -1, 64)
}

func write(out io.Writer, text string) error {
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
