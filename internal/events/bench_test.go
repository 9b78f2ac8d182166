package events

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// benchMessage is an average message: about 1.1 KB, a third of it the text,
// which Google sends three times.
func benchMessage(text string) []byte {
	quoted, _ := json.Marshal(text)
	return fmt.Appendf(nil, `{"message":{"name":"spaces/AAQAnB4tRkE/messages/QCiv1HErQkk.LJFrSuRljgY",`+
		`"sender":{"name":"users/100000000000000000001","type":"HUMAN"},"createTime":"2026-01-03T02:18:12.886639Z",`+
		`"text":%[1]s,"formattedText":%[1]s,"argumentText":%[1]s,`+
		`"thread":{"name":"spaces/AAQAnB4tRkE/threads/QCiv1HErQkk"},"threadReply":true,`+
		`"space":{"name":"spaces/AAQAnB4tRkE"}}}`, quoted)
}

func BenchmarkDecode(b *testing.B) {
	plain := strings.Repeat("Can somebody look at the build? It broke. ", 6)
	rich := strings.Repeat("Schau mal: <https://example.com/a?b=1&c=2>\n👍 日本語 ", 4)
	batch := loadSample(b, "message_batch_created")
	element := benchMessage(plain)
	batch.Data = json.RawMessage(`{"messages":[` + strings.Repeat(string(element)+",", 99) + string(element) + `]}`)

	for _, c := range []struct {
		name   string
		sample string
		data   []byte
	}{
		{"message", "message_created", benchMessage(plain)},
		{"message_escaped", "message_created", benchMessage(rich)},
		{"message_names_only", "message_created_names_only", nil},
		{"membership", "membership_created", nil},
		{"reaction", "reaction_created", nil},
		{"batch_of_100", "message_batch_created", batch.bytes(b)},
	} {
		s := loadSample(b, c.sample)
		data := c.data
		if data == nil {
			data = s.bytes(b)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, bad := Decode(s.Attributes, data); bad != nil {
					b.Fatal(bad)
				}
			}
		})
		b.Run(c.name+"/encoding_json", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var p plainPayload
				if err := json.Unmarshal(data, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// plainPayload is what one would write for encoding/json: the fields that
// Decode extracts, of messages, memberships and reactions. It checks none of
// the limits.
type plainPayload struct {
	plainElement
	Messages []plainElement `json:"messages"`
}

type plainElement struct {
	Message *struct {
		Name           string    `json:"name"`
		Sender         plainUser `json:"sender"`
		CreateTime     string    `json:"createTime"`
		LastUpdateTime string    `json:"lastUpdateTime"`
		Text           string    `json:"text"`
		ArgumentText   string    `json:"argumentText"`
		Thread         struct {
			Name string `json:"name"`
		} `json:"thread"`
		ThreadReply bool `json:"threadReply"`
	} `json:"message"`
	Membership *struct {
		Name   string    `json:"name"`
		State  string    `json:"state"`
		Role   string    `json:"role"`
		Member plainUser `json:"member"`
	} `json:"membership"`
	Reaction *struct {
		Name  string    `json:"name"`
		User  plainUser `json:"user"`
		Emoji struct {
			Unicode string `json:"unicode"`
		} `json:"emoji"`
	} `json:"reaction"`
}

type plainUser struct {
	Name string `json:"name"`
	Type string `json:"type"`
}
