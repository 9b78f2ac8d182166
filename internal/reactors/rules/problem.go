package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is everything that is wrong with a file of rules.
type Error struct {
	Problems []Problem // in the order of the file
}

// Problem is one mistake and where it is.
type Problem struct {
	File    string
	Line    int    // from 1; 0 if the mistake has no place in the file
	Column  int    // from 1, in characters
	Source  string // the line, or a part of it if it is long
	Message string
	Hint    string // what to write instead; may be empty

	caret int // from 1, in characters of Source
}

func (e *Error) Error() string {
	var b strings.Builder
	for _, p := range e.Problems {
		b.WriteString(p.String())
		b.WriteByte('\n')
	}
	if n := len(e.Problems); n == 1 {
		b.WriteString("1 problem in the rules")
	} else {
		fmt.Fprintf(&b, "%d problems in the rules", n)
	}
	return b.String()
}

// String is the problem as compilers write one, with the line and a caret.
func (p Problem) String() string {
	if p.Line == 0 {
		if p.Hint != "" {
			return p.File + ": " + p.Message + ": " + p.Hint
		}
		return p.File + ": " + p.Message
	}
	number := fmt.Sprintf("%5d | ", p.Line)
	s := fmt.Sprintf("%s:%d:%d: %s\n%s%s\n%s| %s^",
		p.File, p.Line, p.Column, p.Message,
		number, p.Source,
		strings.Repeat(" ", len(number)-2), blank(p.Source, p.caret-1))
	if p.Hint != "" {
		s += " " + p.Hint
	}
	return s
}

// blank is n characters of white space that end below the n-th character of
// line: tabs stay tabs.
func blank(line string, n int) string {
	var b strings.Builder
	for _, r := range line {
		if n <= 0 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
		n--
	}
	return b.String()
}

// source is a file that was read: the rules, or a card.
type source struct {
	name  string
	lines []string
}

func newSource(name string, raw []byte) *source {
	lines := strings.Split(string(withoutMark(raw)), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, "\r")
	}
	return &source{name, lines}
}

// withoutMark leaves out the byte order mark that some editors begin a file
// with.
func withoutMark(raw []byte) []byte { return bytes.TrimPrefix(raw, []byte("\ufeff")) }

// position is a place in a file; columns count characters from 1. The zero
// line stands for the file as a whole.
type position struct {
	src          *source
	line, column int
}

// problems gathers mistakes while a file is read.
type problems struct {
	list []Problem
}

// at reports a mistake. Saying it twice about the same place says it once: an
// override repeats what is wrong with its rule.
func (ps *problems) at(p position, hint, format string, args ...any) {
	q := Problem{
		File: p.src.name, Line: p.line, Column: p.column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	}
	if p.line > 0 && p.line <= len(p.src.lines) {
		q.Source, q.caret = excerpt(strings.ToValidUTF8(p.src.lines[p.line-1], "\ufffd"), p.column)
	}
	if !slices.Contains(ps.list, q) {
		ps.list = append(ps.list, q)
	}
}

// excerpt is a line as far as it fits a terminal, around the column, and where
// the column is in it.
func excerpt(line string, column int) (string, int) {
	const most, before = 160, 100
	runes := []rune(strings.TrimRight(line, " \t"))
	from := 0
	if len(runes) > most && column > most-20 {
		from = min(column-before, len(runes)-before)
	}
	to := min(len(runes), from+most)
	s := string(runes[from:to])
	if from > 0 {
		s, from = "…"+s, from-1
	}
	if to < len(runes) {
		s += "…"
	}
	return s, column - from
}

func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Problems: ps.list}
}
