package importtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// avoided maps a word that only this project would use to the word that
// everybody knows, each in the singular unless only the plural is odd. A key of two words matches two
// neighbouring parts of a name.
func avoided() map[string]string {
	return map[string]string{
		"book":       "RuleSet, StateStore, known",
		"ledger":     "runs, memory, Truth",
		"world":      "State",
		"scene":      "State",
		"problem":    "what it is: ConfigError, RuleError",
		"standing":   "MembershipState",
		"hindrance":  "Blocked",
		"hopeless":   "permanent",
		"deed":       "actions",
		"by hand":    "manual",
		"hand":       "manual",
		"sighting":   "what was observed",
		"asks":       "requests",
		"given":      "inputs",
		"roster":     "memberships",
		"fan":        "user",
		"defuse":     "breakLinks",
		"glyph":      "escapeValue",
		"foreign":    "whose it is",
		"understudy": "restartableWorker",
		"stage":      "scenario",
		"mishap":     "faults",
		"crowd":      "bulk join",
		"beat":       "heartbeat",
		"turn":       "write slot",
		"hint":       "reconcile request, or suggestion for a mistake",
	}
}

// nameParts splits an identifier into its words, in lower case: "isRunHTTPCall"
// into is, run, http, call.
func nameParts(name string) []string {
	var parts []string
	runes := []rune(name)
	start := 0
	for i := 1; i <= len(runes); i++ {
		switch {
		case i == len(runes),
			runes[i] == '_',
			unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1]),
			unicode.IsUpper(runes[i]) && i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			if part := strings.Trim(string(runes[start:i]), "_0123456789"); part != "" {
				parts = append(parts, strings.ToLower(part))
			}
			start = i
		}
	}
	return parts
}

// complainName says which avoided word an identifier is made of.
func complainName(name string) string {
	parts := nameParts(name)
	if parts != nil && parts[0] == "most" {
		return name + ` begins with "most": say max`
	}
	for i, part := range parts {
		words := []string{part, strings.TrimSuffix(part, "s")}
		if i > 0 {
			words = []string{parts[i-1] + " " + part, part, words[1]}
		}
		for _, word := range words {
			if instead, bad := avoided()[word]; bad {
				return fmt.Sprintf("%s holds %q: say %s", name, word, instead)
			}
		}
	}
	return ""
}

// complainWords says which names that a production file declares hold an
// avoided word.
func complainWords(f goFile) []string {
	if f.isTest() {
		return nil
	}
	var complaints []string
	check := func(typ ast.Expr, names ...*ast.Ident) {
		for _, name := range names {
			if name == nil {
				continue
			}
			complaint := complainName(name.Name)
			if complaint == "" && name.Name == "host" && ofChat(typ) {
				complaint = `host is a Chat client: say admin`
			}
			if complaint != "" {
				complaints = append(complaints, fmt.Sprintf("line %d: %s", f.line(name), complaint))
			}
		}
	}
	check(nil, f.syntax.Name)
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.ImportSpec:
			check(nil, n.Name)
		case *ast.FuncDecl:
			check(nil, n.Name)
		case *ast.TypeSpec:
			check(nil, n.Name)
		case *ast.Field:
			check(n.Type, n.Names...)
		case *ast.ValueSpec:
			check(n.Type, n.Names...)
		case *ast.LabeledStmt:
			check(nil, n.Label)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, left := range n.Lhs {
					name, _ := left.(*ast.Ident)
					check(nil, name)
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				key, _ := n.Key.(*ast.Ident)
				value, _ := n.Value.(*ast.Ident)
				check(nil, key, value)
			}
		}
		return true
	})
	return complaints
}

// ofChat reports whether a type is of the package that talks to the Chat API.
func ofChat(typ ast.Expr) bool {
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	selector, ok := typ.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	return ok && slices.Contains([]string{"gchat", "chat"}, pkg.Name)
}

func TestComplainWords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, text, want string
	}{
		"part of a word":    {"internal/a/a.go", "package a\ntype Worldwide struct{ returned, notebook int }\n", ""},
		"in a test":         {"internal/a/a_test.go", "package a\ntype world struct{}\n", ""},
		"in a comment":      {"internal/a/a.go", "package a\n// A world.\ntype env struct{}\n", ""},
		"a machine":         {"internal/a/a.go", "package a\nfunc dial(host string) {}\n", ""},
		"used, not ours":    {"internal/a/a.go", "package a\nvar x = y.World()\n", ""},
		"mostly":            {"internal/a/a.go", "package a\nvar mostly, almost int\n", ""},
		"heartbeat":         {"internal/a/a.go", "package a\nfunc saveHeartbeat() {}\n", ""},
		"package":           {"internal/ledger/a.go", "package ledger\n", `"ledger": say runs`},
		"import":            {"internal/a/a.go", "package a\nimport book \"x\"\n", "line 2: book"},
		"type":              {"internal/a/a.go", "package a\ntype Scene struct{}\n", "line 2: Scene"},
		"field":             {"internal/a/a.go", "package a\ntype T struct {\n\tnextTurn int\n}\n", `line 3: nextTurn holds "turn": say write slot`},
		"interface method":  {"internal/a/a.go", "package a\ntype T interface{ Asks() }\n", "line 2: Asks"},
		"parameter":         {"internal/a/a.go", "package a\nfunc f(stage int) {}\n", "line 2: stage"},
		"result":            {"internal/a/a.go", "package a\nfunc f() (given int) { return }\n", "line 2: given"},
		"literal parameter": {"internal/a/a.go", "package a\nvar f = func(hint int) {}\n", "line 2: hint"},
		"variable":          {"internal/a/a.go", "package a\nfunc f() { lastBeat := 1 }\n", "line 2: lastBeat"},
		"range":             {"internal/a/a.go", "package a\nfunc f() { for _, problem := range x {} }\n", "line 2: problem"},
		"constant":          {"internal/a/a.go", "package a\nconst GARBAGE_FOREIGN = 1\n", "line 2: GARBAGE_FOREIGN"},
		"two parts":         {"internal/a/a.go", "package a\nvar addedByHand int\n", `holds "by hand": say manual`},
		"abbreviation":      {"internal/a/a.go", "package a\nvar theHTTPWorld int\n", "line 2: theHTTPWorld"},
		"plural":            {"internal/a/a.go", "package a\nvar zzHints int\n", `holds "hint"`},
		"singular":          {"internal/a/a.go", "package a\nvar zzDeed int\n", `holds "deed"`},
		"most of a struct":  {"internal/a/a.go", "package a\ntype T struct {\n\tMost int\n}\n", "line 3: Most"},
		"most":              {"internal/a/a.go", "package a\nconst mostRuns = 1\n", "say max"},
		"a Chat client":     {"internal/a/a.go", "package a\nfunc f(host *gchat.Client) {}\n", "say admin"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(complainWords(parse(t, test.path, test.text)), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("complaints = %q, want %q", got, test.want)
			}
		})
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		for _, complaint := range complainWords(file) {
			t.Errorf("%s: %s", file.path, complaint)
		}
	}
}
