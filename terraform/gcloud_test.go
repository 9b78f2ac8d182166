package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the guide's variables stand for here.
const (
	guideProject = "my-project"
	guideNumber  = "123456789012"
)

// gcloud is one gcloud command: its words, and its flags with their values.
type gcloud struct {
	words []string
	flags map[string]string
}

func (c gcloud) is(words ...string) bool {
	return len(c.words) > len(words) && strings.Join(c.words[:len(words)], " ") == strings.Join(words, " ")
}

// guide is the document that says what a person does by hand.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "google-workspace.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// gcloudCommands returns the gcloud commands of a document's shell blocks, with
// the shell's variables put in.
func gcloudCommands(text string) []gcloud {
	shell := map[string]string{}
	var found []gcloud
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", "")) {
			line = strings.TrimSpace(line)
			if name, value, ok := strings.Cut(line, "="); ok && regexp.MustCompile(`^[A-Z]+$`).MatchString(name) {
				if strings.HasPrefix(value, "$(") {
					value = guideNumber // the only thing that it asks Google for
				}
				shell[name] = os.Expand(value, func(key string) string { return shell[key] })
				continue
			}
			command := gcloud{flags: map[string]string{}}
			for _, word := range strings.Fields(os.Expand(line, func(key string) string { return shell[key] })) {
				if flag, value, _ := strings.Cut(word, "="); strings.HasPrefix(flag, "--") {
					command.flags[flag] = value
				} else {
					command.words = append(command.words, word)
				}
			}
			if command.is("gcloud") {
				found = append(found, command)
			}
		}
	}
	return found
}
