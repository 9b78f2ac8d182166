package strictyaml

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is something wrong in a file, and where.
type Mistake struct {
	File    string // its path, or what else the value is from
	Line    int    // from 1; 0 if the mistake has no place in the file
	Column  int    // from 1, in characters
	Source  string // the line, masked, or a part of it if it is long
	Message string
	Fix     string // what to write instead; may be empty

	caret int // from 1, in characters of Source
}

// String is the mistake as compilers write one, with the line and a caret.
func (m Mistake) String() string {
	if m.Line == 0 {
		return m.Short()
	}
	number := fmt.Sprintf("%5d | ", m.Line)
	s := fmt.Sprintf("%s:%d:%d: %s\n%s%s\n%s| %s^",
		m.File, m.Line, m.Column, m.Message,
		number, m.Source,
		strings.Repeat(" ", len(number)-2), blank(m.Source, m.caret-1))
	if m.Fix != "" {
		s += " " + m.Fix
	}
	return s
}

// Short is the mistake in one line: where it is, what is wrong, what to write
// instead.
func (m Mistake) Short() string {
	s := m.File
	if m.Line > 0 {
		s = fmt.Sprintf("%s:%d", m.File, m.Line)
	}
	s += ": " + m.Message
	if m.Fix != "" {
		s += "; " + m.Fix
	}
	return s
}

// Report writes all mistakes, and how many there are in what.
func Report(list []Mistake, what string) string {
	var b strings.Builder
	for _, m := range list {
		b.WriteString(m.String())
		b.WriteByte('\n')
	}
	if n := len(list); n == 1 {
		b.WriteString("1 problem in " + what)
	} else {
		fmt.Fprintf(&b, "%d problems in %s", n, what)
	}
	return b.String()
}

// blank is n characters of white space that end below the n-th character of
// line: tabs stay tabs.
func blank(line string, n int) string {
	runes := []rune(line)
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(runes[:min(max(n, 0), len(runes))]))
}

// Source is a file that was read.
type Source struct {
	Mask func(line string) string // hides secrets in a line that a message shows; may be nil

	name  string
	raw   []byte
	lines []string
	taken map[int][]rune // see runes
}

// runes are the characters of a line, from 0. A line may be a whole file, and is
// taken apart once.
func (s *Source) runes(line int) []rune {
	if s.taken == nil {
		s.taken = map[int][]rune{}
	}
	runes, ok := s.taken[line]
	if !ok && line < len(s.lines) {
		runes = []rune(s.lines[line])
		s.taken[line] = runes
	}
	return runes
}

// NewSource returns a file of this content; the name is for messages.
func NewSource(name string, raw []byte) *Source {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff")) // some editors begin a file with it
	lines := strings.Split(string(raw), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, "\r")
	}
	return &Source{name: name, raw: raw, lines: lines}
}

// At is a place in the file; line 0 stands for the file as a whole.
func (s *Source) At(line, column int) Position { return Position{s, line, column} }

// Position is a place in a file.
type Position struct {
	src    *Source
	Line   int // from 1; 0: the file as a whole
	Column int // from 1, in characters
}

// From is a place outside of any file, such as an environment variable.
func From(name string) Position { return Position{src: &Source{name: name}} }

// Mistakes gathers mistakes. The zero value is ready.
type Mistakes struct {
	List []Mistake

	known map[Mistake]bool
}

// At reports a mistake. The same mistake at the same place is kept once: an
// override repeats what is wrong with its rule.
func (ms *Mistakes) At(p Position, fix, format string, args ...any) {
	m := Mistake{File: p.src.name, Line: p.Line, Column: p.Column, Message: fmt.Sprintf(format, args...), Fix: fix}
	if p.Line > 0 && p.Line <= len(p.src.lines) {
		m.Source, m.caret = excerpt(p.src.shown(p.Line-1), p.Column)
	}
	if ms.known[m] {
		return
	}
	if ms.known == nil {
		ms.known = map[Mistake]bool{}
	}
	ms.known[m] = true
	ms.List = append(ms.List, m)
}

// shown is a line, from 0, as messages may show it.
func (s *Source) shown(line int) []rune {
	runes := s.runes(line)
	if s.Mask != nil {
		runes = []rune(s.Mask(string(runes)))
	}
	for len(runes) > 0 && (runes[len(runes)-1] == ' ' || runes[len(runes)-1] == '\t') {
		runes = runes[:len(runes)-1]
	}
	return runes
}

// excerpt is a line as far as it fits a terminal, around the column, and where
// the column is in it.
func excerpt(runes []rune, column int) (string, int) {
	const width, before = 160, 100
	from := 0
	if len(runes) > width && column > width-20 {
		from = min(column-before, len(runes)-before)
	}
	to := min(len(runes), from+width)
	s := string(runes[from:to])
	if from > 0 {
		s, from = "…"+s, from-1
	}
	if to < len(runes) {
		s += "…"
	}
	return s, column - from
}

// Sorted lists the mistakes in the order of the files; those that have no place
// in one come last.
func (ms *Mistakes) Sorted() []Mistake {
	return slices.SortedStableFunc(slices.Values(ms.List), func(a, b Mistake) int {
		switch {
		case a.Line == 0 && b.Line == 0:
			return 0
		case a.Line == 0:
			return 1
		case b.Line == 0:
			return -1
		}
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
