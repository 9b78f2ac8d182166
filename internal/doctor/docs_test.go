package doctor

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestDocs: every code has a heading in the document that results refer to,
// and a line in the index; there are no others.
func TestDocs(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/doctor.md")
	texts := map[string]string{}
	for _, c := range checks() {
		page, _, _ := strings.Cut(c.doc(), "#")
		texts[page] = read(t, page)
	}
	known := map[string]bool{}
	for _, c := range checks() {
		known[c.code] = true
		page, anchor, _ := strings.Cut(c.doc(), "#")
		name := string(unicode.ToUpper(rune(c.name[0]))) + c.name[1:]
		if want := "\n## " + c.code + "\n\n**" + name + ".**\n\n"; !strings.Contains(texts[page], want) || anchor != strings.ToLower(c.code) {
			t.Errorf("%s doesn't explain %s: no %q", page, c.code, want)
		}
		_, section, _ := strings.Cut(texts[page], "## "+c.code+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !strings.Contains(section, "\n**Fix.** ") {
			t.Errorf("%s doesn't say how to mend %s", page, c.code)
		}
		if want := "| [" + c.code + "](" + strings.TrimPrefix(c.doc(), "docs/") + ") | " + c.name + " |\n"; !strings.Contains(index, want) {
			t.Errorf("docs/doctor.md has no line %q", want)
		}
	}
	for page, text := range texts {
		for _, heading := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(text, -1) {
			if !known[heading[1]] {
				t.Errorf("%s explains %s, which there isn't", page, heading[1])
			}
		}
	}
	for _, line := range regexp.MustCompile(`(?m)^\| \[(SK\d+)\]`).FindAllStringSubmatch(index, -1) {
		if !known[line[1]] {
			t.Errorf("docs/doctor.md lists %s, which there isn't", line[1])
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../../" + name)
	try(t, err)
	return string(raw)
}
