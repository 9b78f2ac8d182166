package examples_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

const (
	generated    = "<!-- generated from internal/reactors/facts.go: go test ./internal/reactors/examples -run TestVariables -update -->\n"
	generatedEnd = "<!-- end of the generated part -->\n"
)

// TestVariables keeps the tables of docs/reactors/variables.md current.
func TestVariables(t *testing.T) {
	t.Parallel()
	const name = "reactors/variables.md"
	before, rest, ok := strings.Cut(document(t, name), generated)
	_, after, ok2 := strings.Cut(rest, generatedEnd)
	if !ok || !ok2 {
		t.Fatalf("docs/%s has lost the marks around its generated part", name)
	}
	current(t, name, before+generated+"\n"+triggerTable(t)+"\n"+fieldTable(t)+"\n"+generatedEnd+after)
}

// TestExpressions: what docs/reactors/variables.md shows of the language can be
// used.
func TestExpressions(t *testing.T) {
	t.Parallel()
	env, err := expr.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(document(t, "reactors/variables.md"), "\n## Expressions\n")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(section, -1)
	if len(rows) < 5 {
		t.Errorf("docs/reactors/variables.md shows %d expressions", len(rows))
	}
	for _, m := range rows {
		if _, err := env.Plain("{{ " + strings.ReplaceAll(m[1], `\|`, "|") + " }}"); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
}

// optional are the variables that not all triggers fill.
var optional = []string{"space", "member", "message", "reaction", "command", "card", "google_group", "subscription"}

func triggerTable(t *testing.T) string {
	t.Helper()
	told := comments(t, "trigger.go")
	var b strings.Builder
	b.WriteString("| trigger | " + strings.Join(optional, " | ") + " | |\n|---|" + strings.Repeat("---|", len(optional)+1) + "\n")
	for _, trigger := range reactors.Triggers() {
		fills := expr.Variables(trigger)
		fmt.Fprintf(&b, "| `%s` |", trigger)
		for _, v := range optional {
			mark := ""
			if slices.Contains(fills, v) {
				mark = "✓"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		for _, v := range fills {
			if !slices.Contains(append([]string{"trigger", "event", "now"}, optional...), v) {
				t.Errorf("%s fills %s, for which the table has no column", trigger, v)
			}
		}
		fmt.Fprintf(&b, " %s |\n", told[string(trigger)])
	}
	return b.String()
}

func fieldTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| variable | type | known | meaning |\n|---|---|---|---|\n")
	fields(t, &b, comments(t, "facts.go"), "", reflect.TypeFor[reactors.Facts]())
	b.WriteString("| `now` | time | always | when the event is looked at, or the run is due |\n")
	return b.String()
}

// fields writes a row for each field that rules can name, as [expr] reads them.
func fields(t *testing.T, b *strings.Builder, told map[string]string, path string, typ reflect.Type) {
	t.Helper()
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag, ok := f.Tag.Lookup("cel")
		if !ok {
			continue
		}
		name := strings.TrimPrefix(path+"."+tag, ".")
		word := typeWord(f.Type)
		if word == "" {
			fields(t, b, told, name, f.Type)
			continue
		}
		known := "with the event"
		switch {
		case f.Tag.Get("needs") != "":
			known = "when the run is due"
		case f.Tag.Get("untold") != "":
			known = "with the event, or when the run is due"
		case strings.HasPrefix(name, "group."):
			known = "in `collapse.do`"
		}
		meaning := told[typ.Name()+"."+f.Name]
		for _, only := range [][2]string{{"of", "only of "}, {"not", "not of "}} {
			if triggers := strings.Fields(f.Tag.Get(only[0])); len(triggers) > 0 {
				meaning += "; " + only[1] + "`" + strings.ReplaceAll(strings.Join(triggers, "`, `"), ".`", ".…`") + "`"
			}
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, word, known, strings.TrimPrefix(meaning, "; "))
	}
}

// typeWord is a type in the words of people; "" of a struct that has fields.
func typeWord(typ reflect.Type) string {
	switch typ {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[reactors.Mention]():
		return "mention"
	case reflect.TypeFor[[]reactors.Mention]():
		return "mentions"
	case reflect.TypeFor[[]string]():
		return "list of texts"
	case reflect.TypeFor[reactors.Link]():
		return "link"
	case reflect.TypeFor[[]reactors.TopMessage]():
		return "list of messages, each with `text`, `author`, `permalink` and `reactions`"
	case reflect.TypeFor[map[string]int]():
		return "numbers by emoji"
	case reflect.TypeFor[map[string]string]():
		return "texts by name"
	}
	return map[reflect.Kind]string{reflect.String: "text", reflect.Int: "number", reflect.Bool: "true or false"}[typ.Kind()]
}

// comments returns what stands behind or above fields, by "Type.Field", and
// behind constants, by their value.
func comments(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch spec := n.(type) {
		case *ast.TypeSpec:
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						told[spec.Name.Name+"."+name.Name] = strings.TrimSpace(cmp.Or(f.Comment, f.Doc).Text())
					}
				}
			}
		case *ast.ValueSpec:
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					told[strings.Trim(lit.Value, `"`)] = strings.TrimSpace(cmp.Or(spec.Comment, &ast.CommentGroup{}).Text())
				}
			}
		}
		return true
	})
	return told
}
