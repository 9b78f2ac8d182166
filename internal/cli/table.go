package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Colour is a parameter of the terminal sequence that begins it; "" for none.
type Colour string

// The colours that results are painted in.
const (
	Plain  Colour = ""
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Cyan   Colour = "36"
	Faint  Colour = "2"
)

// Painted is the text in the colour, on a terminal that shows any.
func (e *Env) Painted(c Colour, text string) string {
	if c == Plain || !e.Paints || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Cell is a text and the colour that it is painted in.
type Cell struct {
	Text   string
	Colour Colour
}

// Rows prints rows below their head; "" is shown as -.
func (e *Env) Rows(head []string, rows [][]string) error {
	lines := make([][]Cell, 0, 1+len(rows))
	for i, row := range append([][]string{head}, rows...) {
		line := make([]Cell, len(row))
		for j, text := range row {
			if text == "" && i > 0 {
				text = "-"
			}
			line[j].Text = text
		}
		lines = append(lines, line)
	}
	return e.Table(lines)
}

// Table prints lines with their cells below each other, each cell cleaned.
func (e *Env) Table(lines [][]Cell) error {
	var widths []int
	for _, line := range lines {
		for i := range line {
			line[i].Text = Clean(line[i].Text)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i].Text))
		}
	}
	var text strings.Builder
	for _, line := range lines {
		padding := 0 // owed by the cells so far: the line doesn't end with spaces
		for i, c := range line {
			if c.Text != "" {
				text.WriteString(strings.Repeat(" ", padding) + e.Painted(c.Colour, c.Text))
				padding = 0
			}
			padding += widths[i] - utf8.RuneCountInString(c.Text) + 2
		}
		text.WriteByte('\n')
	}
	e.erase()
	if _, err := fmt.Fprint(e.Out, text.String()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d' // scripts and emoji are made with them

// Clean keeps a text on one line and a terminal as it is: a space stands for
// each character that isn't shown itself, but moves, hides or turns others:
// control characters, ESC among them, line separators and marks of direction.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unshown(r) {
			return ' '
		}
		return r
	}, text)
}

// CleanLines is [Clean] for a text that may have several lines.
func CleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func unshown(r rune) bool {
	return r != zeroWidthNonJoiner && r != zeroWidthJoiner && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z)
}

// Print writes a part of the result that isn't a table. Texts, errors, cells
// and what has a String method are cleaned, and cells painted.
func (e *Env) Print(format string, args ...any) {
	shown := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case Cell:
			shown[i] = e.Painted(arg.Colour, Clean(arg.Text))
		case string:
			shown[i] = CleanLines(arg)
		case error:
			shown[i] = CleanLines(arg.Error())
		case fmt.Stringer:
			shown[i] = CleanLines(arg.String())
		default:
			shown[i] = arg
		}
	}
	e.erase()
	fmt.Fprintf(e.Out, format, shown...)
}

// Shorten cuts a text to n characters, the last of which then is an ellipsis.
func Shorten(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// Count is "1 rule", "2 rules".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
