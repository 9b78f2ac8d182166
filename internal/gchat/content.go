package gchat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/api/chat/v1"
)

// MaxMessageBytes is Google's limit for a message with all that is in it, and
// for a single card (fact sheet §6.2).
const MaxMessageBytes = 32_000

// CheckContent finds what Google would refuse in a message's text and cards.
// There has to be one of them. The error doesn't quote them.
func CheckContent(text string, cards json.RawMessage) error {
	list, err := cardsOf(cards)
	if err != nil {
		return err
	}
	size, err := sizeOf(list)
	if err != nil {
		return err
	}
	switch size += len(text); {
	case text == "" && len(list) == 0:
		return errors.New("it has neither text nor card")
	case !utf8.ValidString(text):
		return errors.New("the text is not valid UTF-8")
	case size > MaxMessageBytes:
		return fmt.Errorf("the message has %d bytes, Google Chat allows %d", size, MaxMessageBytes)
	}
	return nil
}

// cardsOf reads a cardsV2 list. A field that the library doesn't know would be
// lost on the way, so it is an error.
func cardsOf(raw json.RawMessage) (list []*chat.CardWithId, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("read the cards: %w", explainJSON(err))
	}
	ids := map[string]bool{}
	for i, c := range list {
		switch {
		case c == nil || c.Card == nil:
			return nil, fmt.Errorf("card %d is empty: each needs a key %q", i+1, "card")
		case len(list) > 1 && (c.CardId == "" || ids[c.CardId]):
			return nil, fmt.Errorf("card %d needs a cardId of its own, as there are several", i+1)
		}
		ids[c.CardId] = true
	}
	return list, nil
}

// explainJSON describes an error of the JSON package without quoting the card.
func explainJSON(err error) error {
	var (
		wrong  *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%s is of the wrong kind: %s", cmp.Or(wrong.Field, "the list"), strings.Fields(wrong.Value)[0])
	case errors.As(err, &syntax):
		return fmt.Errorf("it isn't JSON from byte %d on", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it isn't JSON, as its end is missing")
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("there is no field %s", field)
	}
	return errors.New("a value has the wrong form")
}

func sizeOf(list []*chat.CardWithId) (int, error) {
	if len(list) == 0 {
		return 0, nil
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return 0, fmt.Errorf("write the cards: %w", err)
	}
	return len(raw), nil
}

// textsIn lists what an error may not quote, longest first: a shorter text can
// be part of a longer one.
func textsIn(text string, cards json.RawMessage) []string {
	texts := []string{text}
	var content any
	if json.Unmarshal(cards, &content) == nil {
		texts = collect(texts, content)
	}
	slices.SortFunc(texts, func(a, b string) int { return len(b) - len(a) })
	return texts
}

// minText is the length in bytes from which on a string of a card is taken for a
// text: replacing shorter ones would garble the error.
const minText = 4

func collect(texts []string, v any) []string {
	switch v := v.(type) {
	case string:
		if len(v) >= minText {
			return append(texts, v)
		}
	case []any:
		for _, item := range v {
			texts = collect(texts, item)
		}
	case map[string]any:
		for _, item := range v {
			texts = collect(texts, item)
		}
	}
	return texts
}
