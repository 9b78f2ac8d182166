package preview

import (
	"cmp"
	"encoding/json"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// cardLine is a line of a card: what it is, its words, and where a click leads.
type cardLine struct {
	kind lineKind
	text string
	link string // "" for none
}

type lineKind int

const (
	asBody lineKind = iota
	asTitle
	asSubtitle
	asHeading // of a section
	asLabel   // small, above or below a text
	asButton
	asRule
	asOther // a widget that has no words; its kind
)

// cardsOf reads cards as far as they can be shown in lines. ok is false if they
// can't be read.
func cardsOf(raw json.RawMessage) (cards [][]cardLine, ok bool) {
	var list []struct {
		Card struct {
			Header   struct{ Title, Subtitle string }
			Sections []struct {
				Header  string
				Widgets []map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, false
	}
	for _, c := range list {
		var lines cardLines
		lines.add(asTitle, c.Card.Header.Title, "")
		lines.add(asSubtitle, c.Card.Header.Subtitle, "")
		for i, s := range c.Card.Sections {
			if i > 0 {
				lines = append(lines, cardLine{kind: asRule})
			}
			lines.add(asHeading, s.Header, "")
			lines.widgets(s.Widgets)
		}
		cards = append(cards, lines)
	}
	return cards, true
}

type cardLines []cardLine

// add adds a text of a card, a line for each of its lines.
func (l *cardLines) add(kind lineKind, text, link string) {
	for _, line := range strings.Split(plainOf(text), "\n") {
		if line != "" {
			*l = append(*l, cardLine{kind, line, link})
		}
	}
}

// click is what happens when something is clicked.
type click struct{ OpenLink struct{ URL string } }

func (l *cardLines) widgets(list []map[string]json.RawMessage) {
	for _, w := range list {
		for _, kind := range slices.Sorted(maps.Keys(w)) {
			if kind != "horizontalAlignment" && kind != "id" {
				l.widget(kind, w[kind])
			}
		}
	}
}

func (l *cardLines) widget(kind string, raw json.RawMessage) {
	var words struct {
		TopLabel, Title, Text, BottomLabel, Label, AltText string
		OnClick                                            click
		Button                                             *struct {
			Text    string
			OnClick click
		}
		Buttons []struct {
			Text    string
			OnClick click
		}
		Items       []struct{ Title, Subtitle, Text string } // of a grid, and of what one chooses from
		ColumnItems []struct {
			Widgets []map[string]json.RawMessage
		}
	}
	before := len(*l)
	if json.Unmarshal(raw, &words) == nil {
		l.add(asLabel, cmp.Or(words.TopLabel, words.Title, words.Label), "")
		l.add(asBody, words.Text, words.OnClick.OpenLink.URL)
		l.add(asLabel, words.BottomLabel, "")
		if words.AltText != "" {
			l.add(asOther, "("+kind+": "+words.AltText+")", "")
		}
		if b := words.Button; b != nil {
			l.add(asButton, b.Text, b.OnClick.OpenLink.URL)
		}
		for _, b := range words.Buttons {
			l.add(asButton, b.Text, b.OnClick.OpenLink.URL)
		}
		for _, item := range words.Items {
			l.add(asBody, strings.TrimSpace(cmp.Or(item.Title, item.Text)+" "+item.Subtitle), "")
		}
		for _, column := range words.ColumnItems {
			l.widgets(column.Widgets)
		}
	}
	switch {
	case len(*l) > before:
	case kind == "divider":
		*l = append(*l, cardLine{kind: asRule})
	default:
		*l = append(*l, cardLine{kind: asOther, text: "(" + kind + ")"})
	}
}

var (
	linkTag = regexp.MustCompile(`(?is)<a\s[^>]*href="([^"]*)"[^>]*>(.*?)</a>`)
	newLine = regexp.MustCompile(`(?i)<br\s*/?>`)
	anyTag  = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)
)

// plainOf is a card's text without its markup. Where a link leads stays in it.
func plainOf(text string) string {
	text = linkTag.ReplaceAllString(text, "$2 ($1)")
	text = newLine.ReplaceAllString(text, "\n")
	return html.UnescapeString(anyTag.ReplaceAllString(text, ""))
}

// linesOf are cards as far as a terminal can show them: their words in order, and
// of what has none its kind.
func linesOf(raw json.RawMessage) []string {
	cards, ok := cardsOf(raw)
	if !ok {
		return []string{"(a card that can't be shown here)"}
	}
	var lines []string
	for _, card := range cards {
		for _, l := range card {
			s := l.text
			switch l.kind {
			case asTitle:
				s = "# " + s
			case asSubtitle:
				s = "  " + s
			case asHeading:
				s = "## " + s
			case asButton:
				s = "[ " + s + " ]"
			case asRule:
				s = "────"
			}
			if l.link != "" {
				s += " → " + l.link
			}
			lines = append(lines, s)
		}
	}
	return lines
}
