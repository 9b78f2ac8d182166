package importtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxLines     = 500
	maxMainLines = 150
)

// complainSource says what is wrong with one file.
func complainSource(f goFile) []string {
	var complaints []string
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if n := f.lines(); n > maxLines && !ast.IsGenerated(f.syntax) {
		complain("has %d lines, at most %d: one idea a file", n, maxLines)
	}
	forTests := f.isTest() || supportsTests(f.pkg())
	if !forTests && f.pkg() != "internal/events" {
		complaints = append(complaints, complainFacts(f)...)
	}
	for _, decl := range f.syntax.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if ok && function.Recv == nil && function.Name.Name == "init" {
			complain("line %d: init: call it from where it is needed", f.line(function))
		}
		isMain := ok && function.Recv == nil && function.Name.Name == "main" && f.syntax.Name.Name == "main"
		if n := f.lines(); isMain && n > maxMainLines {
			complain("has %d lines, a file with main at most %d: it is wiring only", n, maxMainLines)
		}
		ast.Inspect(decl, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.CallExpr:
				// In a bubble of synctest, time.Sleep moves a clock and takes no time.
				return !isSelector(node.Fun, "synctest", "Test")
			case *ast.Ident:
				if node.Name == "SafeToRetry" {
					complain("line %d: SafeToRetry is true for a lost COMMIT: rely on idempotent keys", f.line(node))
				}
			case *ast.SelectorExpr:
				switch {
				case f.isTest() && isSelector(node, "time", "Sleep"):
					complain("line %d: time.Sleep in a test: wait for a channel, a hook, or use testing/synctest", f.line(node))
				case !forTests && slices.Contains([]string{"Fatal", "Fatalf", "Fatalln", "Fatalw"}, node.Sel.Name):
					complain("line %d: %s ends the process without cleaning up: return the error", f.line(node), node.Sel.Name)
				case !forTests && !readsFiles(f.pkg()) && (isSelector(node, "os", "ReadFile") || isSelector(node, "os", "Open") || isSelector(node, "os", "OpenFile")):
					complain("line %d: os.%s waits for a pipe and reads without a limit: use internal/readfile", f.line(node), node.Sel.Name)
				case !forTests && !isMain && isSelector(node, "os", "Exit"):
					complain("line %d: os.Exit outside main: return the error", f.line(node))
				}
			}
			return true
		})
	}
	return complaints
}

// readsFiles reports whether a package reads files that it, or the system, has
// made: nobody names them.
func readsFiles(pkg string) bool {
	return slices.Contains([]string{"internal/readfile", "internal/localpg"}, pkg)
}

// nameForm finds what only a regular expression for a resource name of Chat holds.
var nameForm = regexp.MustCompile(`(^|[^/a-z])` + collection + `(\||\)?/\(?[\[(\\.])|\|` + collection + `\)|client-\(?[\[(]`)

const collection = `(spaces|users|members|messages|reactions|customers|subscriptions)`

// typeForm finds what only the name of an event type holds.
var typeForm = regexp.MustCompile("^[`\"]google\\.workspace\\.|google\\.workspace\\.(chat|events)\\.|" +
	`\.v1\.(batch)?(?i:created|updated|deleted|suspended|expired|expirationReminder)`)

// complainFacts finds texts that belong in internal/events: the names of event
// types and the forms of resource names.
func complainFacts(f goFile) (complaints []string) {
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		text, ok := node.(*ast.BasicLit)
		if !ok || text.Kind != token.STRING {
			return true
		}
		switch {
		case typeForm.MatchString(text.Value):
			complaints = append(complaints, fmt.Sprintf("line %d: an event type: ask the table, with events.TypeName or events.TypeOf", f.line(text)))
		case nameForm.MatchString(text.Value):
			complaints = append(complaints, fmt.Sprintf("line %d: the form of a resource name: internal/events/names.go parses names", f.line(text)))
		}
		return true
	})
	return complaints
}

// isSelector reports whether an expression reads qualifier.name.
func isSelector(expr ast.Expr, qualifier, name string) bool {
	selector, ok := expr.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	ident, ok := selector.X.(*ast.Ident)
	return ok && ident.Name == qualifier
}

func TestComplainSource(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, text, want string
	}{
		"any file":          {"internal/a/a.go", "package a\nimport \"os\"\nvar _, _ = os.ReadFile(\"\")\n", "line 3: os.ReadFile waits"},
		"file of a test":    {"internal/a/a_test.go", "package a\nimport \"os\"\nvar _, _ = os.Open(\"\")\n", ""},
		"clean":             {"internal/a/a.go", "package a\nfunc F() {}\n", ""},
		"fatal in a test":   {"internal/a/a_test.go", "package a\nfunc F(t *testing.T) { t.Fatal(1) }\n", ""},
		"fatal in support":  {"internal/a/atest/a.go", "package atest\nfunc F(t *testing.T) { t.Fatal(1) }\n", ""},
		"exit in main":      {"cmd/a/main.go", "package main\nfunc main() { os.Exit(1) }\n", ""},
		"method named init": {"internal/a/a.go", "package a\nfunc (x T) init() {}\n", ""},
		"sleep in a bubble": {"internal/a/a_test.go", "package a\nfunc F() { synctest.Test(t, func(t *testing.T) { time.Sleep(1) }) }\n", ""},
		"word in a comment": {"internal/a/a.go", "package a\n// SafeToRetry lies.\nfunc F() {}\n", ""},

		"event type in a test":  {"internal/a/a_test.go", "package a\nconst t = \"google.workspace.chat.space.v1.updated\"\n", ""},
		"event type of events":  {"internal/events/a.go", "package events\nconst t = \"google.workspace.chat.\"\n", ""},
		"form of events":        {"internal/events/a.go", "package events\nvar n = regexp.MustCompile(`^spaces/[^/]+$`)\n", ""},
		"a name":                {"internal/a/a.go", "package a\nconst n = \"spaces/AAQA…/messages/M.M, users/{user}\"\n", ""},
		"a form of Pub/Sub's":   {"internal/a/a.go", "package a\nvar n = regexp.MustCompile(`^projects/[^/]+/topics/.+$`)\n", ""},
		"event type":            {"internal/a/a.go", "package a\nconst t = \"google.workspace.chat.\"\n", "line 2: an event type"},
		"lifecycle type":        {"internal/a/a.go", "package a\nconst t = \"google.workspace.events.subscription.v1.expired\"\n", "line 2: an event type"},
		"any workspace type":    {"internal/a/a.go", "package a\nconst t = \"google.workspace.\"\n", "line 2: an event type"},
		"end of a type":         {"internal/a/a.go", "package a\nconst t = \"message.v1.created\"\n", "line 2: an event type"},
		"end of a batch type":   {"internal/a/a.go", "package a\nconst t = \"message.v1.batchCreated\"\n", "line 2: an event type"},
		"a version":             {"internal/a/a.go", "package a\nconst t = \"google.pubsub.v1.Publisher\"\n", ""},
		"group without a name":  {"internal/a/a.go", "package a\nvar n = regexp.MustCompile(`^(?:spaces)/[^/]+$`)\n", "line 2: the form of a resource name"},
		"either name":           {"internal/a/a.go", "package a\nvar n = regexp.MustCompile(`^(spaces|users)/[^/]+$`)\n", "line 2: the form of a resource name"},
		"form of a space":       {"internal/a/a.go", "package a\nvar n = regexp.MustCompile(`^spaces/[^/]+$`)\n", "line 2: the form of a resource name"},
		"form of a message":     {"internal/a/a.go", "package a\nconst form = `^(spaces/[^/]+)/messages/(.+)$`\n", "line 2: the form of a resource name"},
		"form of a mention":     {"internal/a/a.go", "package a\nvar n = regexp.MustCompile(\"(?i)<(users/[^>]+)>\")\n", "line 2: the form of a resource name"},
		"form of a client's id": {"internal/a/a.go", "package a\nvar n = regexp.MustCompile(`^client-[a-z0-9-]{1,56}$`)\n", "line 2: the form of a resource name"},

		"long":              {"internal/a/a.go", "package a\n" + strings.Repeat("\n", maxLines), "has 501 lines"},
		"long main":         {"cmd/a/main.go", "package main\nfunc main() {}\n" + strings.Repeat("\n", maxMainLines), "has 152 lines, a file with main"},
		"init":              {"internal/a/a.go", "package a\nfunc init() {}\n", "line 2: init"},
		"init in a test":    {"internal/a/a_test.go", "package a\nfunc init() {}\n", "line 2: init"},
		"sleep in a test":   {"internal/a/a_test.go", "package a\nfunc F() { time.Sleep(1) }\n", "line 2: time.Sleep"},
		"log.Fatal":         {"internal/a/a.go", "package a\nfunc F() { log.Fatal(1) }\n", "Fatal ends the process"},
		"a logger's Fatal":  {"cmd/a/main.go", "package main\nfunc main() { logger.Fatalf(1) }\n", "Fatalf ends the process"},
		"exit outside main": {"cmd/a/run.go", "package main\nfunc run() { os.Exit(1) }\n", "os.Exit outside main"},
		"safe to retry":     {"internal/a/a.go", "package a\nvar ok = pgconn.SafeToRetry(nil)\n", "line 2: SafeToRetry"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(complainSource(parse(t, test.path, test.text)), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("complaints = %q, want %q", got, test.want)
			}
		})
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		for _, complaint := range complainSource(file) {
			t.Errorf("%s: %s", file.path, complaint)
		}
	}
}

// undocumented returns the packages without a package comment. A comment in a
// test file counts for a package that is nothing but tests.
func undocumented(all []goFile) []string {
	documented, testsOnly := map[string]bool{}, map[string]bool{}
	var order []string
	for _, file := range all {
		pkg := file.pkg()
		if _, seen := documented[pkg]; !seen {
			order = append(order, pkg)
			documented[pkg], testsOnly[pkg] = false, true
		}
		testsOnly[pkg] = testsOnly[pkg] && file.isTest()
		if file.syntax.Doc != nil && !file.isTest() {
			documented[pkg] = true
		}
	}
	var missing []string
	for _, pkg := range order {
		if !documented[pkg] && !testsOnly[pkg] {
			missing = append(missing, pkg)
		}
	}
	return missing
}

func TestUndocumented(t *testing.T) {
	t.Parallel()
	got := undocumented([]goFile{
		parse(t, "internal/good/doc.go", "// Package good does.\npackage good\n"),
		parse(t, "internal/good/more.go", "package good\n"),
		parse(t, "internal/bad/bad.go", "package bad\n"),
		parse(t, "internal/bad/bad_test.go", "// Package bad is tested.\npackage bad\n"),
		parse(t, "internal/only/only_test.go", "package only\n"),
	})
	if len(got) != 1 || got[0] != "internal/bad" {
		t.Errorf("undocumented = %q, want internal/bad", got)
	}
}

func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, pkg := range undocumented(goFiles(t)) {
		t.Errorf("%s: no package comment: what does it promise, what must the caller do, what happens on failure?", pkg)
	}
}
