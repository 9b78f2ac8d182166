package preview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// Lines are the text and the cards of a request as a person would read them; none
// if it has neither.
func Lines(body json.RawMessage) (lines []string) {
	var parts map[string]json.RawMessage
	var text string
	if json.Unmarshal(body, &parts) != nil {
		return nil
	}
	if json.Unmarshal(parts["text"], &text) == nil && text != "" {
		for _, line := range strings.Split(text, "\n") {
			lines = append(lines, "│ "+line)
		}
	}
	if cards := parts["cards"]; len(cards) > 0 {
		for _, line := range linesOf(cards) {
			lines = append(lines, "▕ "+line)
		}
	}
	return lines
}

// PrintContent prints a request as a person would read it, with titles beside whom
// it names; or else what it holds.
func PrintContent(out io.Writer, body json.RawMessage, titles Titles) {
	lines := Lines(body)
	for _, line := range lines {
		fmt.Fprintln(out, "  "+cli.Clean(titles.In(line)))
	}
	if len(lines) == 0 {
		printFields(out, body)
	}
}

// printFields prints what a request holds, one a line; JSON in a text as JSON.
func printFields(out io.Writer, body json.RawMessage) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(body, &parts) != nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		value := parts[key]
		var text string
		if json.Unmarshal(value, &text) == nil && json.Valid([]byte(text)) && strings.HasPrefix(text, "{") {
			value = json.RawMessage(text)
		}
		var b bytes.Buffer
		if json.Indent(&b, value, "  ", "  ") != nil {
			continue
		}
		lines := strings.Split(b.String(), "\n")
		for i := range lines {
			lines[i] = cli.Clean(lines[i])
		}
		fmt.Fprintf(out, "  %s: %s\n", key, strings.Join(lines, "\n"))
	}
}
