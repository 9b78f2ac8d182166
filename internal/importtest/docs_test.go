package importtest

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// maxReadme is how many lines somebody reads who only wants to know what this is.
const maxReadme = 180

// complainDocument says what a Markdown file names that is not in the tree.
func complainDocument(tree fs.FS, name, text string) []string {
	var complaints []string
	for _, target := range links(text) {
		file, anchor, _ := strings.Cut(target, "#")
		linked := name
		if file != "" {
			linked = path.Join(path.Dir(name), file)
			if !exists(tree, linked) {
				complaints = append(complaints, "links to "+target+", which does not exist")
				continue
			}
		}
		if anchor == "" || path.Ext(linked) != ".md" {
			continue
		}
		other := text
		if linked != name {
			content, err := fs.ReadFile(tree, linked)
			if err != nil {
				complaints = append(complaints, "links to "+target+": "+err.Error())
				continue
			}
			other = string(content)
		}
		if !slices.Contains(anchors(other), anchor) {
			complaints = append(complaints, "links to "+target+", which has no such heading")
		}
	}
	for _, named := range paths(text) {
		if !exists(tree, named) && !exists(tree, path.Join(path.Dir(name), named)) {
			complaints = append(complaints, "names "+named+", which does not exist")
		}
	}
	return complaints
}

// links returns the targets within the tree of a document's links.
func links(text string) []string {
	var targets []string
	for _, match := range regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)|(?m)^\[[^\]]+\]:\s*(\S+)`).FindAllStringSubmatch(withoutCode(text), -1) {
		target := match[1] + match[2]
		if !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
			targets = append(targets, target)
		}
	}
	return targets
}

// withoutCode drops fenced blocks and code spans, where brackets mean
// something else. A link's text may be a code span: only its content goes.
func withoutCode(text string) string {
	text = regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "")
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
}

// paths returns the words of a document's code spans and blocks that look
// like paths in our tree, without a Go pattern's /... and a line's number.
func paths(text string) []string {
	var named []string
	for _, span := range regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]+`").FindAllString(text, -1) {
		for _, word := range regexp.MustCompile(`[^\s`+"`"+`"'(),;=]+`).FindAllString(span, -1) {
			word = strings.TrimSuffix(strings.TrimRight(strings.TrimPrefix(word, "./"), ".:/"), "/...")
			word, _, _ = strings.Cut(word, ":")
			first, _, nested := strings.Cut(word, "/")
			switch {
			case nested && slices.Contains([]string{".ci", "cmd", "deploy", "docs", "internal", "migrations", "terraform", "tools"}, first):
				named = append(named, word)
			case !nested && regexp.MustCompile(`^[A-Z]+\.md$`).MatchString(word):
				named = append(named, word)
			}
		}
	}
	return named
}

// exists reports whether the tree holds a path; <word>, {a,b} and … stand for
// anything.
func exists(tree fs.FS, name string) bool {
	pattern := regexp.MustCompile(`<[^>/]*>|\{[^}/]*\}|…`).ReplaceAllString(name, "*")
	matches, err := fs.Glob(tree, pattern)
	return err == nil && len(matches) > 0
}

// anchors returns what a document's headings are linked as on GitHub.
func anchors(text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(`(?m)^#{1,6} (.*)$`).FindAllStringSubmatch(regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, ""), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, match[1])
		found = append(found, anchor)
	}
	return found
}

// CONTRIBUTING's command for the failure tests at full size names those packages
// that know its flag, and no others: they would refuse it.
func TestFailureTestsAreNamed(t *testing.T) {
	t.Parallel()
	var want []string
	err := fs.WalkDir(os.DirFS("../.."), "internal", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/importtest/") {
			return err
		}
		source, err := os.ReadFile("../../" + name)
		if text := string(source); strings.Contains(text, "storetest.Full()") || strings.Contains(text, `flag.Bool("chaos.full"`) {
			want = append(want, "./"+path.Dir(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile("`go test ([^`]*)-chaos.full`").FindStringSubmatch(string(text))
	if command == nil {
		t.Fatal("there is no such command")
	}
	got := regexp.MustCompile(`\./\S+`).FindAllString(command[1], -1)
	slices.Sort(got)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("it names %v, want %v", got, want)
	}
}

func TestComplainDocument(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"README.md":                {Data: []byte("# Read me first\n")},
		"docs/design.md":           {Data: []byte("# Why `unnest`?\n")},
		"internal/store/record.go": {},
	}
	tests := map[string]struct {
		name, text, want string
	}{
		"link":             {"README.md", "[design](docs/design.md)", ""},
		"link up":          {"docs/design.md", "[up](../README.md#read-me-first)", ""},
		"anchor with code": {"README.md", "[why](docs/design.md#why-unnest)", ""},
		"web":              {"README.md", "[web](https://example.com/docs/none.md)", ""},
		"path":             {"docs/design.md", "see `internal/store/record.go`", ""},
		"path with a line": {"docs/design.md", "see `internal/store/record.go:12`", ""},
		"pattern":          {"docs/design.md", "see `internal/<name>/record.go` and `./internal/...`", ""},
		"command":          {"README.md", "```\ngo test ./internal/store/...\n```", ""},
		"brackets in code": {"README.md", "`a[i](x)`", ""},
		"no path":          {"README.md", "`projects/p/topics/t`", ""},

		"dead link":         {"README.md", "[design](docs/desing.md)", "links to docs/desing.md, which does not exist"},
		"link by reference": {"README.md", "[d][1]\n\n[1]: docs/desing.md\n", "links to docs/desing.md, which does not exist"},
		"dead anchor":       {"README.md", "[why](docs/design.md#how)", "no such heading"},
		"dead own anchor":   {"README.md", "[why](#how)", "no such heading"},
		"dead path":         {"docs/design.md", "see `internal/store/batch.go`", "names internal/store/batch.go, which"},
		"dead command":      {"README.md", "```sh\ngo run ./cmd/subscriber demo\n```", "names cmd/subscriber, which"},
		"dead document":     {"docs/design.md", "see `SECURITY.md`", "names SECURITY.md, which"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(complainDocument(tree, test.name, test.text), "; ")
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("complaints = %q, want %q", got, test.want)
			}
		})
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	tree := os.DirFS(root(t))
	if n := strings.Count(read(t, "README.md"), "\n"); n > maxReadme {
		t.Errorf("README.md has %d lines, at most %d: what few need to begin with belongs in docs", n, maxReadme)
	}
	for _, name := range files(t, ".md") {
		for _, complaint := range complainDocument(tree, name, read(t, name)) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
}
