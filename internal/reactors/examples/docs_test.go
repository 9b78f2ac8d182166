package examples_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// current holds a file below docs against what it should say, and writes it
// with -update.
func current(t *testing.T, name, want string) {
	t.Helper()
	got := document(t, name)
	if *update {
		if err := os.WriteFile(filepath.Join("..", "..", "..", "docs", filepath.FromSlash(name)), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/%s is not current; run with -update (-want +got):\n%s", name, diff)
	}
}

// schema is what is read of a JSON schema.
type schema struct {
	Description string
	Properties  map[string]schema
	Items       *schema
	OneOf       []schema
	Definitions map[string]schema
}

// collect gathers the descriptions of all keys below a prefix.
func (s schema) collect(path string, into map[string]string) {
	for key, p := range s.Properties {
		at := strings.TrimPrefix(path+"."+key, ".")
		if p.Description != "" {
			into[at] = p.Description
		}
		p.collect(at, into)
	}
	if s.Items != nil {
		s.Items.collect(path+"[]", into)
	}
	for _, one := range s.OneOf {
		one.collect(path, into)
	}
}

// TestGrammar: docs/reactors/grammar.md has every key once, with the meaning
// that editors show. Order and defaults are written by hand.
func TestGrammar(t *testing.T) {
	t.Parallel()
	var top schema
	if err := json.Unmarshal(rules.JSONSchema(actions(t, t.TempDir())), &top); err != nil {
		t.Fatal(err)
	}
	meanings := map[string]string{}
	top.collect("", meanings)
	for name, action := range top.Definitions["do"].Properties {
		action.collect(name, meanings)
	}
	want := map[string]string{}
	for path, meaning := range meanings {
		if strings.HasSuffix(path, ".id") && !strings.HasPrefix(path, "reactors") { // told once, in the text
			continue
		}
		want[strings.TrimPrefix(path, "reactors[].")] = meaning
	}
	row := regexp.MustCompile("(?m)^(\\| `([^`]+)` \\| .* \\|)[^|]*\\|$")
	seen := map[string]bool{}
	text := row.ReplaceAllStringFunc(document(t, "reactors/grammar.md"), func(line string) string {
		m := row.FindStringSubmatch(line)
		meaning, known := want[m[2]]
		if !known || seen[m[2]] {
			t.Errorf("docs/reactors/grammar.md has %s, which there isn't, or twice", m[2])
			return line
		}
		seen[m[2]] = true
		return m[1] + " " + meaning + " |"
	})
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !seen[key] {
			t.Errorf("docs/reactors/grammar.md lacks a row of %s", key)
		}
	}
	current(t, "reactors/grammar.md", text)
}

// TestOutcomes: docs/reactors.md says of every outcome what it means.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(document(t, "reactors.md"), "\n## Outcomes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var told []reactors.Outcome
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| [^|]+ \\|").FindAllStringSubmatch(section, -1) {
		told = append(told, reactors.Outcome(m[1]))
	}
	if diff := cmp.Diff(reactors.Outcomes(), told); diff != "" {
		t.Errorf("outcomes in docs/reactors.md (-want +got):\n%s", diff)
	}
}

// TestDocumentedRules: rules that a document shows can be used, and pass their
// own tests.
func TestDocumentedRules(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]int{"reactors.md": 1, "reactors/grammar.md": 1, "reactors/times.md": 2, "writing-a-reactor.md": 1} {
		shown := blocks(document(t, name), "yaml")
		if len(shown) < least {
			t.Errorf("docs/%s shows %d rule files, want at least %d", name, len(shown), least)
		}
		for i, text := range shown {
			t.Run(fmt.Sprintf("%s %d", name, i), func(t *testing.T) {
				t.Parallel()
				passes(t, parse(t, name, text))
			})
		}
	}
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) (found []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// documents lists what there is about reactors.
func documents(t *testing.T) []string {
	t.Helper()
	docs := filepath.Join("..", "..", "..", "docs")
	below, err := filepath.Glob(filepath.Join(docs, "reactors", "*.md"))
	if err != nil || len(below) == 0 {
		t.Fatalf("found %d documents, error %v", len(below), err)
	}
	list := []string{"reactors.md", "writing-a-reactor.md"}
	for _, path := range below {
		list = append(list, "reactors/"+filepath.Base(path))
	}
	return list
}

// TestDocumentsAreShort: what is longer is not read.
func TestDocumentsAreShort(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		if lines := strings.Count(document(t, name), "\n"); lines > 150 {
			t.Errorf("docs/%s has %d lines, more than 150", name, lines)
		}
	}
}
