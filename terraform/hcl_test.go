package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// module holds the attributes of all .tf files by their place, such as
// resource.google_pubsub_topic.events.name, with their values as written.
type module map[string]string

var (
	blockLine     = regexp.MustCompile(`^(\w+(?: "[^"]+")*) \{$`)
	emptyLine     = regexp.MustCompile(`^(\w+(?: "[^"]+")*) \{\}$`)
	attributeLine = regexp.MustCompile(`^(\w+)\s*= (.*)$`)
	quoted        = regexp.MustCompile(`"(?:\\.|[^"\\])*"`)
)

func readModule(t *testing.T) module {
	t.Helper()
	names, err := filepath.Glob("*.tf")
	if err != nil || len(names) == 0 {
		t.Fatalf("find the .tf files: %v", err)
	}
	m := module{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m.scan(t, name, string(text))
	}
	return m
}

// scan reads the small part of HCL that formatted files here consist of, and
// complains about any other line, so that nothing goes by unread.
func (m module) scan(t *testing.T, name, text string) {
	t.Helper()
	var place []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "}" && len(place) > 0:
			place = place[:len(place)-1]
		case emptyLine.MatchString(line):
		case blockLine.MatchString(line):
			header := blockLine.FindStringSubmatch(line)[1]
			place = append(place, strings.ReplaceAll(strings.ReplaceAll(header, `"`, ""), " ", "."))
		case attributeLine.MatchString(line):
			match := attributeLine.FindStringSubmatch(line)
			value := match[2]
			for heredoc := strings.HasPrefix(value, "<<-EOT"); i+1 < len(lines); {
				if heredoc && strings.HasSuffix(value, "\nEOT") || !heredoc && balanced(value) {
					break
				}
				i++
				if next := strings.TrimSpace(lines[i]); heredoc || !strings.HasPrefix(next, "#") {
					value += "\n" + next
				}
			}
			m[strings.Join(append(place[:len(place):len(place)], match[1]), ".")] = value
		default:
			t.Errorf("%s:%d: not understood: %s", name, i+1, line)
		}
	}
	if len(place) > 0 {
		t.Errorf("%s: %s is not closed", name, place)
	}
}

// balanced reports whether all brackets outside strings are closed.
func balanced(value string) bool {
	bare := quoted.ReplaceAllString(value, "")
	depth := 0
	for _, r := range bare {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
	}
	return depth == 0
}

// blocks returns the places of all blocks of a kind, such as variable or
// resource.google_pubsub_topic.
func (m module) blocks(kind string) []string {
	seen := map[string]bool{}
	var found []string
	depth := strings.Count(kind, ".") + 2
	for place := range m {
		parts := strings.Split(place, ".")
		if !strings.HasPrefix(place, kind+".") || len(parts) <= depth {
			continue
		}
		block := strings.Join(parts[:depth], ".")
		if !seen[block] {
			seen[block] = true
			found = append(found, block)
		}
	}
	return found
}

var (
	reference = regexp.MustCompile(`\b(?:var|local|data|google_\w+)\.[a-z_.]+`)
	// What is added for a choice, that by default isn't made.
	choice = regexp.MustCompile(`var\.(\w+) \? \[[^\]]*\] : \[\]`)
)

// value evaluates an attribute with the guide's project and otherwise the
// variables' defaults. A resource's id is its name here, as gcloud has it.
func (m module) value(t *testing.T, place string) string {
	t.Helper()
	written, ok := m[place]
	if !ok {
		t.Errorf("there is no %s", place)
		return ""
	}
	written = choice.ReplaceAllStringFunc(written, func(text string) string {
		if name := choice.FindStringSubmatch(text)[1]; m["variable."+name+".default"] != "false" {
			t.Errorf("%s: %s isn't off by default", place, name)
		}
		return "[]"
	})
	expanded := reference.ReplaceAllStringFunc(written, func(name string) string { return m.resolve(t, name) })
	expanded = regexp.MustCompile(`\$\{([^}]*)\}`).ReplaceAllString(expanded, "$1")
	return strings.ReplaceAll(expanded, `"`, "")
}

func (m module) resolve(t *testing.T, name string) string {
	t.Helper()
	kind, rest, _ := strings.Cut(name, ".")
	switch {
	case name == "var.project_id":
		return guideProject
	case name == "data.google_project.this.number":
		return guideNumber
	case kind == "var":
		return m.value(t, "variable."+rest+".default")
	case kind == "local":
		return m.value(t, "locals."+rest)
	case kind == "google_service_account":
		account, attribute, _ := strings.Cut(rest, ".")
		email := m.value(t, "resource."+kind+"."+account+".account_id") + "@" + guideProject + ".iam.gserviceaccount.com"
		return map[string]string{"email": email, "member": "serviceAccount:" + email}[attribute]
	case strings.HasSuffix(name, ".id"):
		return m.value(t, "resource."+strings.TrimSuffix(name, ".id")+".name")
	}
	return m.value(t, "resource."+name)
}
