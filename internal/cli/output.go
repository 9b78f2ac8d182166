package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The forms that a command can print its result in.
const (
	Table = "table"
	Wide  = "wide"
	JSON  = "json"
	YAML  = "yaml"
	Name  = "name" // what other commands take as an argument
)

// Formats are all forms.
func Formats() []string { return []string{Table, Wide, JSON, YAML, Name} }

// FormatFlag adds -o, which takes one of the forms; the first is the default.
func (e *Env) FormatFlag(cmd *cobra.Command, flags *pflag.FlagSet, forms ...string) {
	e.Format = forms[0]
	flags.VarP(&format{&e.Format, forms}, "output", "o", oneOf(forms))
	CompleteFlag(cmd, "output", forms)
}

// CompleteFlag lets shells offer words for a flag that the command has.
func CompleteFlag(cmd *cobra.Command, flag string, words []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag: a mistake in the program
	}
}

func oneOf(words []string) string {
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// format is the value of -o.
type format struct {
	value *string
	forms []string
}

func (f *format) String() string {
	if f.value == nil { // pflag asks the zero value, too
		return ""
	}
	return *f.value
}

// Type says in a command's help what it takes.
func (*format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if !slices.Contains(f.forms, s) {
		return wanted("want " + oneOf(f.forms))
	}
	*f.value = s
	return nil
}

// ForPeople reports whether the result is a table, which may leave out what is
// of no interest.
func (e *Env) ForPeople() bool { return e.Format == Table || e.Format == Wide }

// Encode prints the document as JSON, or the same as YAML.
func (e *Env) Encode(document any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	encoded := []byte(escaped(text.String()))
	// JSON is YAML, too, and its escapes keep what a terminal must not see.
	if e.Format == YAML && !bytes.Contains(encoded, []byte(`\u`)) {
		var err error
		if encoded, err = yaml.JSONToYAML(encoded); err != nil {
			return fmt.Errorf("encode the result: %w", err)
		}
	}
	if _, err := e.Out.Write(encoded); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// JSONOut is where to print somebody else's JSON: it stays as it is, but for
// escapes in place of what a terminal would obey. Each write holds whole
// characters.
func (e *Env) JSONOut() io.Writer { return jsonWriter{e.Out} }

type jsonWriter struct{ out io.Writer }

func (w jsonWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.out, escaped(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// escaped writes those characters of a JSON text as escapes that a terminal
// would not show but obey. For programs it is the same.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == ' ' || r == '\n' || !unshown(r):
			b.WriteRune(r)
		case r == '\t' || r == '\r': // JSON has them between its values only
			b.WriteByte(' ')
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// List is a result: the same in each form.
type List[T any] struct {
	Rows    []T
	Columns []Column[T]
	Name    func(T) string // for -o name; "" leaves the row out
	// Document is what JSON and YAML show; nil for the rows.
	Document any
}

// Column is one of a table. It is left out if it is empty in all rows.
type Column[T any] struct {
	Title string
	Wide  bool // for -o wide only
	Value func(T) string
	Paint func(T) Colour // nil for none
}

// Show prints a list in the form that was asked for.
func Show[T any](e *Env, l List[T]) error {
	switch e.Format {
	case JSON, YAML:
		if l.Document == nil {
			l.Document = l.Rows
		}
		return e.Encode(l.Document)
	case Name:
		for _, r := range l.Rows {
			if name := l.Name(r); name != "" {
				e.Print("%s\n", name)
			}
		}
		return nil
	}
	return e.Table(l.cells(e.Format == Wide))
}

// cells is the table with its head; nil without rows.
func (l List[T]) cells(wide bool) [][]Cell {
	if len(l.Rows) == 0 {
		return nil
	}
	lines := make([][]Cell, 1+len(l.Rows))
	for _, c := range l.Columns {
		filled := func(r T) bool { return c.Value(r) != "" }
		if c.Wide && !wide || !slices.ContainsFunc(l.Rows, filled) {
			continue
		}
		lines[0] = append(lines[0], Cell{Text: c.Title})
		for i, r := range l.Rows {
			one := Cell{Text: c.Value(r)}
			if one.Text == "" && c.Title != "" {
				one.Text = "-"
			}
			if c.Paint != nil {
				one.Colour = c.Paint(r)
			}
			lines[1+i] = append(lines[1+i], one)
		}
	}
	return lines
}
