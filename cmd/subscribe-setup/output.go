package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// The forms that every command can print its result in.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatName  = "name"
)

func formats() []string {
	return []string{formatTable, formatWide, formatJSON, formatYAML, formatName}
}

func (e *environment) checkFormat() error {
	if slices.Contains(formats(), e.format) {
		return nil
	}
	return &usageError{fmt.Errorf("-o %s is none of %s", e.format, strings.Join(formats(), ", "))}
}

// forPeople reports whether the result is a table, in which what is of no
// interest may be left out.
func (e *environment) forPeople() bool { return e.format == formatTable || e.format == formatWide }

// listing is a result: the same in each form.
type listing[T any] struct {
	rows    []T
	columns []column[T]
	name    func(T) string // for -o name: what other commands take
	// document is what JSON and YAML show; nil for the rows.
	document any
}

// column is one of a table. It is left out if it is empty in all rows.
type column[T any] struct {
	title string
	wide  bool // for -o wide only
	value func(T) string
	paint func(T) colour // nil for none
}

func show[T any](e *environment, l listing[T]) error {
	switch e.format {
	case formatJSON, formatYAML:
		if l.document == nil {
			l.document = l.rows
		}
		return e.encode(l.document)
	case formatName:
		for _, r := range l.rows {
			if name := l.name(r); name != "" {
				fmt.Fprintln(e.out, name)
			}
		}
		return nil
	}
	e.table(textOf(l, e.format == formatWide))
	return nil
}

// encode prints JSON, or the same as YAML.
func (e *environment) encode(document any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	if e.format == formatJSON {
		_, err := fmt.Fprint(e.out, text.String())
		return err
	}
	asYAML, err := yaml.JSONToYAML([]byte(text.String()))
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	_, err = fmt.Fprint(e.out, string(asYAML))
	return err
}

// cell is a text and how it is painted.
type cell struct {
	text   string
	colour colour
}

// textOf is the table with its head; nil without rows.
func textOf[T any](l listing[T], wide bool) [][]cell {
	if len(l.rows) == 0 {
		return nil
	}
	lines := make([][]cell, 1+len(l.rows))
	for _, c := range l.columns {
		filled := func(r T) bool { return c.value(r) != "" }
		if c.wide && !wide || !slices.ContainsFunc(l.rows, filled) {
			continue
		}
		lines[0] = append(lines[0], cell{text: c.title})
		for i, r := range l.rows {
			one := cell{text: c.value(r)}
			if one.text == "" && c.title != "" {
				one.text = "-"
			}
			if c.paint != nil {
				one.colour = c.paint(r)
			}
			lines[1+i] = append(lines[1+i], one)
		}
	}
	return lines
}

// table prints lines with their cells below each other.
func (e *environment) table(lines [][]cell) {
	var widths []int
	for _, line := range lines {
		for i, c := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, c := range line {
			text.WriteString(e.painted(c.colour, c.text))
			if i < len(line)-1 {
				text.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		fmt.Fprintln(e.out, strings.TrimRight(text.String(), " "))
	}
}
