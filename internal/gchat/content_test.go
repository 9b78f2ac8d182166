package gchat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
)

const oneCard = `[{"card":{"header":{"title":"Welcome"},"sections":[{"widgets":[{"textParagraph":{"text":"Read the rules"}},{"divider":{}}]}]}}]`

func TestCheckContent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, cards string
		says        string // "" for nothing
	}{
		"a text":             {text: "hi"},
		"cards":              {cards: oneCard},
		"both":               {text: "hi", cards: oneCard},
		"just within":        {text: strings.Repeat("ä", 16_000)},
		"nothing":            {says: "neither text nor card"},
		"an empty list":      {cards: `[]`, says: "neither text nor card"},
		"too long":           {text: strings.Repeat("ä", 16_001), says: "32002 bytes"},
		"together too long":  {text: strings.Repeat("x", 31_990), cards: oneCard, says: "allows 32000"},
		"not UTF-8":          {text: "\xff", says: "UTF-8"},
		"not JSON":           {cards: `[{"card":`, says: "isn't JSON"},
		"broken":             {cards: `[{]`, says: "isn't JSON"},
		"not a list":         {cards: `{"card":{}}`, says: "the list is of the wrong kind: object"},
		"a wrong type":       {cards: `[{"card":{"header":{"title":["secret"]}}}]`, says: "card.header.title is of the wrong kind: array"},
		"a misspelt field":   {cards: `[{"card":{"haeder":{"title":"secret"}}}]`, says: `there is no field "haeder"`},
		"without a card":     {cards: `[{"cardId":"a"}]`, says: "card 1 is empty"},
		"several without id": {cards: `[{"card":{}},{"card":{}}]`, says: "card 1 needs a cardId"},
		"the same id twice":  {cards: `[{"cardId":"a","card":{}},{"cardId":"a","card":{}}]`, says: "card 2 needs a cardId"},
		"a number as text": {
			cards: `[{"card":{"sections":[{"widgets":[{"dateTimePicker":{"valueMsEpoch":"secret"}}]}]}}]`, says: "wrong form",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := gchat.CheckContent(c.text, json.RawMessage(c.cards))
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got error %v, want %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the card: %v", err)
			}
		})
	}
}

func FuzzCheckContent(f *testing.F) {
	f.Add("hi", oneCard)
	f.Add("", `[{"cardId":"a","card":{}},null]`)
	f.Fuzz(func(t *testing.T, text, cards string) {
		if err := gchat.CheckContent(text, json.RawMessage(cards)); err == nil && text == "" && strings.TrimSpace(cards) == "" {
			t.Error("a message without content passes")
		}
	})
}
