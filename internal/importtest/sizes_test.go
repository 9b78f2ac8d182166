package importtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxPackageLines is how long a package's production code may be: one that is
// longer is two.
const maxPackageLines = 3000

// packageLimits are those of packages for which another limit holds; 0 is none.
func packageLimits() map[string]int {
	return map[string]int{
		"cmd/subscriber":    2500,
		"internal/simulate": 0, // a Google Workspace is long
		"internal/store":    800,
	}
}

// complainSizes says which packages are too long.
func complainSizes(all []goFile) []string {
	lines := map[string]int{}
	for _, file := range all {
		if !file.isTest() && !supportsTests(file.pkg()) && !ast.IsGenerated(file.syntax) {
			lines[file.pkg()] += file.lines()
		}
	}
	var complaints []string
	for _, pkg := range slices.Sorted(maps.Keys(lines)) {
		limit, special := packageLimits()[pkg]
		if !special {
			limit = maxPackageLines
		}
		if limit > 0 && lines[pkg] > limit {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines, at most %d: it is two packages", pkg, lines[pkg], limit))
		}
	}
	return complaints
}

// statement finds the beginning of SQL: in capitals a word is enough, otherwise
// it has to read on as a statement does, as help texts say "Select a space".
var statement = regexp.MustCompile("^[`\"]\\s*((SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|LOCK|COPY)\\s|" +
	`(?is)(select\s+([\d*($']|.*\sfrom\s)|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\S+\s+as\s*\(|` +
	`(create|alter|drop|truncate)\s+(\S+\s+)?(table|index|view|schema|role|extension)\s))`)

// complainCommand says what a file of the two commands holds that isn't flags,
// a call and an exit code: SQL, metrics, loops that wait for something.
func complainCommand(f goFile) []string {
	if f.isTest() || !slices.Contains([]string{"cmd/subscriber", "cmd/subscribe-setup"}, f.pkg()) {
		return nil
	}
	var complaints []string
	complain := func(node ast.Node, what string) {
		complaints = append(complaints, fmt.Sprintf("line %d: %s in a command", f.line(node), what))
	}
	for _, spec := range f.syntax.Imports {
		switch {
		case strings.Contains(spec.Path.Value, "github.com/prometheus/"):
			complain(spec, "metrics")
		case strings.Contains(spec.Path.Value, "github.com/jackc/"), spec.Path.Value == `"database/sql"`:
			complain(spec, "a database")
		}
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING && statement.MatchString(n.Value) {
				complain(n, "SQL")
			}
		case *ast.ForStmt:
			if waits(n.Body) {
				complain(n, "a loop that waits")
			}
		case *ast.RangeStmt:
			if waits(n.Body) {
				complain(n, "a loop that waits")
			}
		}
		return true
	})
	return complaints
}

// waits reports whether a block waits for a channel, or sleeps.
func waits(block *ast.BlockStmt) (found bool) {
	ast.Inspect(block, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectStmt:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "Sleep"
		}
		return !found
	})
	return found
}

func TestComplainSizes(t *testing.T) {
	t.Parallel()
	long := func(name string, lines int) goFile {
		return parse(t, name, "package p\n"+strings.Repeat("\n", lines-1))
	}
	got := complainSizes([]goFile{
		long("internal/a/a.go", maxPackageLines), long("internal/a/a_test.go", 1), long("internal/a/b/b.go", 1),
		long("internal/b/b.go", maxPackageLines), long("internal/b/c.go", 1),
		long("internal/btest/b.go", maxPackageLines+1),
		long("internal/simulate/a.go", maxPackageLines+1),
		long("internal/store/a.go", 801),
	})
	want := []string{"internal/b has 3001 lines, at most 3000: it is two packages", "internal/store has 801 lines, at most 800: it is two packages"}
	if !slices.Equal(got, want) {
		t.Errorf("complaints = %q, want %q", got, want)
	}
}

func TestComplainCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, text, want string
	}{
		"flags":     {"cmd/subscriber/a.go", "package main\nfunc run() { for i := 0; i < 3; i++ { f(\"Select a space\") } }\n", ""},
		"advice":    {"cmd/subscriber/a.go", "package main\nvar x = \"see SELECT * FROM t\"\n", ""},
		"pages":     {"cmd/subscriber/a.go", "package main\nfunc run() { for { if f() { return } } }\n", ""},
		"elsewhere": {"internal/a/a.go", "package a\nfunc run() { for { <-c } }\n", ""},
		"channel":   {"cmd/subscriber/a.go", "package main\nfunc run() { for range x { <-c } }\n", "line 2: a loop that waits in a command"},
		"test":      {"cmd/subscriber/a_test.go", "package main\nvar x = `SELECT 1`\n", ""},
		"words":     {"cmd/subscriber/a.go", "package main\nvar x = \"With a name, update sets it; select one off the list\"\n", ""},
		"lower SQL": {"cmd/subscriber/a.go", "package main\nvar x = \"select id from t\"\n", "line 2: SQL in a command"},
		"DDL":       {"cmd/subscribe-setup/a.go", "package main\nvar x = `create unlogged table t (id int)`\n", "line 2: SQL in a command"},
		"TRUNCATE":  {"cmd/subscriber/a.go", "package main\nvar x = `TRUNCATE t`\n", "line 2: SQL in a command"},
		"pgx":       {"cmd/subscribe-setup/a.go", "package main\nimport \"github.com/jackc/pgx/v5\"\n", "line 2: a database in a command"},
		"sleep":     {"cmd/subscriber/a.go", "package main\nfunc run() { for { gax.Sleep(ctx, d) } }\n", "line 2: a loop that waits in a command"},
		"SQL":       {"cmd/subscriber/a.go", "package main\nvar x = `\n\tSELECT 1`\n", "line 2: SQL in a command"},
		"metrics":   {"cmd/subscriber/a.go", "package main\nimport \"github.com/prometheus/client_golang/prometheus\"\n", "line 2: metrics in a command"},
		"loop":      {"cmd/subscriber/a.go", "package main\nfunc run() { for { select { case <-c: } } }\n", "line 2: a loop that waits in a command"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(complainCommand(parse(t, test.path, test.text)), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("complaints = %q, want %q", got, test.want)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	files := goFiles(t)
	for _, complaint := range complainSizes(files) {
		t.Error(complaint)
	}
	for _, file := range files {
		for _, complaint := range complainCommand(file) {
			t.Errorf("%s: %s", file.path, complaint)
		}
	}
}
