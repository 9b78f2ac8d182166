package importtest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the import table in docs/architecture.md")

const maxTier = 4

// The import table stands between these lines of docs/architecture.md.
const (
	tableBegin = "<!-- import table: go test ./internal/importtest -update -->\n"
	tableEnd   = "<!-- end of the import table -->\n"
)

// renderTable writes the import table as Markdown: a row for the packages of a
// tier, one for each that may import others of its own tier, and one for each
// import that is reserved.
func renderTable(owners []owner, reserved map[string][]string) string {
	var b strings.Builder
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row("tier", "packages", "may import, of ours")
	b.WriteString("|---|---|---|\n")
	for tier := maxTier; tier >= 0; tier-- {
		var plain []string
		for _, o := range owners {
			if o.tier == tier && o.also == nil {
				plain = append(plain, o.path)
			}
		}
		below := "lower tiers"
		if tier == 0 {
			below = "`events`"
		}
		row(fmt.Sprint(tier), code(plain), below)
		for _, o := range owners {
			if o.tier == tier && o.also != nil {
				row(fmt.Sprint(tier), code([]string{o.path}), below+" and "+code(o.also))
			}
		}
	}
	b.WriteString("\n| import | only by |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(reserved)) {
		row(code([]string{name}), code(reserved[name]))
	}
	return b.String()
}

// code sets names as code, in the short form that everybody uses.
func code(names []string) string {
	short := make([]string, len(names))
	for i, name := range names {
		name = strings.TrimPrefix(strings.TrimPrefix(name, module+"/"), "internal/")
		short[i] = "`" + name + "`"
	}
	return strings.Join(short, " ")
}

func TestRenderTable(t *testing.T) {
	t.Parallel()
	got := renderTable([]owner{
		{path: "cmd", tier: 3}, {path: "internal/a", tier: 0}, {path: "internal/b", tier: 0, also: []string{"internal/a"}},
		{path: "internal/c", tier: 1}, {path: "internal/d", tier: 1, also: []string{"internal/c"}},
	}, map[string][]string{module + "/internal/c": {"internal/d", "cmd"}})
	for _, want := range []string{
		"| 3 | `cmd` | lower tiers |\n", "| 1 | `c` | lower tiers |\n| 1 | `d` | lower tiers and `c` |\n",
		"| 0 | `a` | `events` |\n| 0 | `b` | `events` and `a` |\n", "| `c` | `d` `cmd` |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table has no row %q:\n%s", want, got)
		}
	}
}

// TestTable: docs/architecture.md shows the table that the tests go by.
func TestTable(t *testing.T) {
	t.Parallel()
	const document = "docs/architecture.md"
	want := renderTable(table(), reserved())
	before, rest, begins := strings.Cut(read(t, document), tableBegin)
	got, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no import table between %q and %q", document, tableBegin, tableEnd)
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s shows another import table than imports_test.go: run go test ./internal/importtest -update", document)
	}
	text := before + tableBegin + want + tableEnd + after
	if err := os.WriteFile(filepath.Join(root(t), document), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
