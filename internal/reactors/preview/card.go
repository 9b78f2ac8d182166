package preview

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// cardLines shows cards as far as a terminal can: their words in order, and of
// what has none its kind.
func cardLines(raw json.RawMessage) []string {
	var cards []struct {
		Card struct {
			Header   struct{ Title, Subtitle string }
			Sections []struct {
				Header  string
				Widgets []map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(raw, &cards); err != nil {
		return []string{"(a card that can't be shown here)"}
	}
	var lines []string
	add := func(format, text string) {
		for _, line := range strings.Split(text, "\n") {
			if line != "" {
				lines = append(lines, fmt.Sprintf(format, line))
			}
		}
	}
	for _, c := range cards {
		add("# %s", c.Card.Header.Title)
		add("  %s", c.Card.Header.Subtitle)
		for i, s := range c.Card.Sections {
			if i > 0 {
				lines = append(lines, "────")
			}
			add("## %s", s.Header)
			for _, w := range s.Widgets {
				lines = append(lines, widgetLines(w)...)
			}
		}
	}
	return lines
}

// widgetLines shows one widget.
func widgetLines(w map[string]json.RawMessage) []string {
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(w)) {
		if kind == "horizontalAlignment" || kind == "id" {
			continue
		}
		var words struct {
			TopLabel, Text, BottomLabel string
			Buttons                     []struct{ Text string }
		}
		if json.Unmarshal(w[kind], &words) != nil {
			lines = append(lines, "("+kind+")")
			continue
		}
		before := len(lines)
		for _, s := range []string{words.TopLabel, words.Text, words.BottomLabel} {
			if s != "" {
				lines = append(lines, strings.Split(s, "\n")...)
			}
		}
		var buttons []string
		for _, b := range words.Buttons {
			buttons = append(buttons, "[ "+b.Text+" ]")
		}
		if len(buttons) > 0 {
			lines = append(lines, strings.Join(buttons, " "))
		}
		if len(lines) == before {
			lines = append(lines, "("+kind+")")
		}
	}
	return lines
}
