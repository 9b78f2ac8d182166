package config

import (
	"fmt"
	"sort"
	"strings"
)

// Error is everything that is wrong with a configuration.
type Error struct {
	Problems []Problem // in the order of the file; those without a place in it last
}

// Problem is one mistake and where it is.
type Problem struct {
	Origin  string // the file's path, or "environment NAME"
	Line    int    // from 1; 0 if the mistake has no place in the file
	Column  int    // from 1, in characters
	Source  string // the line of the file, secrets masked
	Message string
}

func (e *Error) Error() string {
	var b strings.Builder
	for _, p := range e.Problems {
		b.WriteString(p.String())
		b.WriteByte('\n')
	}
	if n := len(e.Problems); n == 1 {
		b.WriteString("1 problem in the configuration")
	} else {
		fmt.Fprintf(&b, "%d problems in the configuration", n)
	}
	return b.String()
}

// String is the problem as compilers write one, with the line and a caret.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Origin + ": " + p.Message
	}
	number := fmt.Sprintf("%5d | ", p.Line)
	return fmt.Sprintf("%s:%d:%d: %s\n%s%s\n%s%s^",
		p.Origin, p.Line, p.Column, p.Message,
		number, p.Source,
		strings.Repeat(" ", len(number)-2)+"| ", indentLike(p.Source, p.Column-1))
}

// indentLike is n characters of white space that end below the n-th character
// of line: tabs stay tabs.
func indentLike(line string, n int) string {
	var b strings.Builder
	for _, r := range line {
		if n == 0 {
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

// problems gathers mistakes while a configuration is loaded. The zero value
// has no file.
type problems struct {
	path  string
	lines []string
	list  []Problem
}

func (ps *problems) at(p position, format string, args ...any) {
	problem := Problem{Origin: p.env, Message: fmt.Sprintf(format, args...)}
	switch {
	case p.env != "":
		problem.Origin = "environment " + p.env
	case p.line > 0:
		problem.Origin, problem.Line, problem.Column = ps.path, p.line, p.column
		if p.line <= len(ps.lines) {
			problem.Source = mask(strings.TrimRight(ps.lines[p.line-1], " \t\r"))
		}
	case ps.path != "":
		problem.Origin = ps.path
	default:
		problem.Origin = "configuration"
	}
	ps.list = append(ps.list, problem)
}

func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	sort.SliceStable(ps.list, func(i, j int) bool {
		a, b := ps.list[i], ps.list[j]
		if (a.Line == 0) != (b.Line == 0) {
			return a.Line != 0
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return &Error{Problems: ps.list}
}

// position is where a value was set: in the file, in the environment, or (the
// zero value) nowhere.
type position struct {
	line, column int
	env          string
}
