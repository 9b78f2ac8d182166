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

// PrintContent prints a request as a person would read it: its text and cards,
// or else what it holds.
func PrintContent(out io.Writer, body json.RawMessage) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(body, &parts) != nil {
		return
	}
	var text string
	if json.Unmarshal(parts["text"], &text) == nil && text != "" {
		for _, line := range strings.Split(text, "\n") {
			fmt.Fprintln(out, "  │ "+cli.Clean(line))
		}
	}
	readable := text != ""
	if cards := parts["cards"]; len(cards) > 0 {
		for _, line := range linesOf(cards) {
			fmt.Fprintln(out, "  ▕ "+cli.Clean(line))
		}
		readable = true
	}
	if !readable {
		printFields(out, parts)
	}
}

// printFields prints what a request holds, one a line; JSON in a text as JSON.
func printFields(out io.Writer, parts map[string]json.RawMessage) {
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
