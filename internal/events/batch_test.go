package events

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const goodElement = `{"message":{"name":"spaces/S/messages/%d","text":"hi"}}`

// messageBatch is a batch of the elements, each between good ones.
func messageBatch(bad ...string) string {
	list := []string{fmt.Sprintf(goodElement, 0)}
	for i, b := range bad {
		list = append(list, b, fmt.Sprintf(goodElement, i+1))
	}
	return `{"messages":[` + strings.Join(list, ",") + `]}`
}

// nested is an element n objects and arrays deep.
func nested(n int) string {
	return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
}

// Whatever is wrong within an element of a batch, the others are good.
func TestOneBadElement(t *testing.T) {
	t.Parallel()
	keys := make([]string, 300)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	batchCreated := attributesOf("google.workspace.chat.message.v1.batchCreated")
	for _, c := range []struct {
		element string
		want    Reason
	}{
		{`{"message":{"name":"spaces/S/messages/x","text":"a\u0000b"}}`, ReasonNUL},
		{`{"x":{"\u0000":1}}`, ReasonNUL},
		{`"\u0000"`, ReasonNUL},
		{`{"message":{"name":"spaces/S/messages/x","text":"\ud83d"}}`, ReasonLoneSurrogate},
		{`{"x":"\udc4d","y":"\ud83d\n\\\""}`, ReasonLoneSurrogate},
		{"{\"message\":{\"name\":\"spaces/S/messages/x\",\"text\":\"\xff\"}}", ReasonInvalidUTF8},
		{"{\"x\":\"\xe2\x82\"}", ReasonInvalidUTF8},
		{`{"message":{"name":"spaces/S/messages/x","name":"spaces/S/messages/x"}}`, ReasonDuplicateKey},
		{`{"message":{"name":"spaces/S/messages/x"},"x":[{"k":1,"\u006b":{"k":1,"k":2}}]}`, ReasonDuplicateKey},
		{`{"x":{` + strings.Join(keys, ",") + `}}`, ReasonTooManyKeys},
		{nested(63), ReasonTooDeep},
		{nested(9_998), ReasonTooDeep},
		{`{"message":{"name":"` + strings.Repeat("n", 2_000) + `"}}`, ReasonNameTooLong},
	} {
		element := c.element[:min(len(c.element), 60)]
		for _, bad := range [][]string{{c.element}, {c.element, c.element}} {
			ev, refused := Decode(batchCreated, []byte(messageBatch(bad...)))
			if refused != nil {
				t.Errorf("%s: the batch is refused: %v", element, refused)
				continue
			}
			var got []int
			for _, it := range ev.Items {
				if got = append(got, it.Ordinal); it.Message == nil || it.Message.Text != "hi" {
					t.Errorf("%s: item %d is %+v", element, it.Ordinal, it.Message)
				}
			}
			want, list := []int{0, 2}, "elements refused: 1 (1)"
			if len(bad) == 2 {
				want, list = []int{0, 2, 4}, "elements refused: 2 (1, 3)"
			}
			if !slices.Equal(got, want) || ev.Refused == nil || ev.Refused.Reason != c.want || !strings.HasSuffix(ev.Refused.Detail, list) {
				t.Errorf("%s: items %d, refused %v, want %d, %s, %s", element, got, ev.Refused, want, c.want, list)
			}
		}
		if ev, refused := Decode(batchCreated, []byte(`{"messages":[`+c.element+`]}`)); refused == nil || refused.Reason != c.want {
			t.Errorf("%s alone: %v, %v, want %s", element, ev, refused, c.want)
		}
	}
}

// A batch that can't be cut into elements for sure is refused as a whole.
func TestBatchThatCannotBeCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data string
		want Reason
	}{
		"a bare word":          {messageBatch(`{"x":yes}`), ReasonSyntax},
		"syntax after a NUL":   {messageBatch(`{"x":"\u0000","y":}`), ReasonSyntax},
		"an unknown escape":    {messageBatch(`{"x":"\u0000\x"}`), ReasonSyntax},
		"a control character":  {messageBatch("{\"x\":\"\\u0000\x01\"}"), ReasonSyntax},
		"a raw NUL":            {messageBatch("{\"x\":\"\x00\"}"), ReasonNUL},
		"bytes beside strings": {messageBatch("{\"x\":\"\\ud800\",\xff}"), ReasonSyntax},
		"a cut end":            {strings.TrimSuffix(messageBatch(`{"x":"\u0000"}`), "]}"), ReasonSyntax},
		"deeper than any JSON": {messageBatch(nested(9_999)), ReasonTooDeep},
		"elements twice":       {`{"messages":[` + fmt.Sprintf(goodElement, 1) + `],"messages":[]}`, ReasonDuplicateKey},
		"beside the elements":  {strings.TrimSuffix(messageBatch(), "}") + `,"x":"\u0000"}`, ReasonNUL},
	} {
		ev, bad := Decode(attributesOf("google.workspace.chat.message.v1.batchCreated"), []byte(c.data))
		if ev != nil || bad == nil || bad.Reason != c.want {
			t.Errorf("%s: %v, %v, want %s", name, ev, bad, c.want)
		}
	}
}
