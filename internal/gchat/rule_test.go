package gchat_test

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func TestContentErrors(t *testing.T) {
	t.Parallel()
	card := func(title any) any {
		return []any{map[string]any{"card": map[string]any{"header": map[string]any{"title": title}}}}
	}
	for name, c := range map[string]struct {
		text  string
		card  any
		field string
		says  string // "" for no problem
	}{
		"a text":            {text: "hi"},
		"a card":            {card: card("hi {{ member.mention }}")},
		"placeholders":      {text: "{{ " + strings.Repeat("x", 32_000) + "\n }}"},
		"nothing":           {says: "neither text nor card"},
		"a long text":       {text: strings.Repeat("x", 32_001), field: "text", says: "32001 bytes"},
		"together too long": {text: strings.Repeat("x", 31_990), card: card("hi"), field: "text", says: "Google Chat allows"},
		"a long card":       {card: card(strings.Repeat("x", 32_000)), field: "card", says: "Google Chat allows"},
		"a wrong title":     {card: card([]any{"a"}), field: "card", says: "card.header.title is of the wrong kind: array"},
		"not a list":        {card: map[string]any{}, field: "card", says: "wrong kind: object"},
		"not JSON":          {card: func() {}, field: "card", says: "unsupported type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := gchat.ContentErrors(reactors.ChatText{Source: c.text}, reactors.Card{Source: c.card})
			switch {
			case c.says == "" && len(got) == 0:
			case len(got) != 1 || got[0].Field != c.field || c.says == "" || !strings.Contains(got[0].Message, c.says):
				t.Errorf("got %+v, want %q about %q", got, c.says, c.field)
			}
		})
	}
}
