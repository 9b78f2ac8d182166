package gchat

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// ContentErrors checks a rule's text and card before anything is filled in: its
// keys "text" and "card". One of them is needed.
func ContentErrors(text reactors.ChatText, card reactors.Card) []reactors.ParamError {
	if text.Source == "" && card.Source == nil {
		return []reactors.ParamError{{Message: "there is neither text nor card", Suggestion: `for example text: "Hello {{ member.mention }}"`}}
	}
	fixed := placeholder.ReplaceAllString(text.Source, "")
	var cards json.RawMessage
	if card.Source != nil {
		raw, err := json.Marshal(card.Source)
		if err == nil {
			err = CheckContent("-", raw)
		}
		if err != nil {
			return []reactors.ParamError{{Field: "card", Message: err.Error(), Suggestion: "copy the JSON of Google's card builder as it is"}}
		}
		cards = raw
	}
	if size := len(fixed) + len(cards); size > MaxMessageBytes {
		return []reactors.ParamError{{
			Field: "text", Message: fmt.Sprintf("the message has %d bytes before anything is filled in, Google Chat allows %d", size, MaxMessageBytes),
		}}
	}
	return nil
}

var placeholder = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
