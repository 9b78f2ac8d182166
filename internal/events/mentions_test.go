package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whom a message mentions is read whatever stands beside it, and refuses nothing.
func TestMentions(t *testing.T) {
	t.Parallel()
	one := func(user, typ string) string {
		return fmt.Sprintf(`{"type":"USER_MENTION","startIndex":0,"length":4,"userMention":{"user":{"name":%q,"type":"HUMAN"},"type":%q}}`, user, typ)
	}
	var many []string
	for i := range maxMentions + 1 {
		many = append(many, one(fmt.Sprint("users/", i), "MENTION"))
	}
	for name, tt := range map[string]struct {
		annotations string
		want        []Mention
	}{
		"none":               {`[]`, nil},
		"null":               {`null`, nil},
		"others":             {`[{"type":"SLASH_COMMAND","slashCommand":{"commandId":"1"}},{"type":"RICH_LINK","richLinkMetadata":{"uri":"u"}}]`, nil},
		"in order, each one": {`[` + one("users/2", "MENTION") + `,` + one("users/1", "MENTION") + `,` + one("users/2", "ADD") + `]`, []Mention{{"users/2", true}, {"users/1", false}}},
		"added":              {`[` + one("users/1", "ADD") + `]`, []Mention{{"users/1", true}}},
		"everybody":          {`[{"userMention":{"type":"MENTION_ALL"}},` + one("users/all", "MENTION") + `]`, []Mention{{Everybody, false}}},
		"of another form":    {`[3,[],{"userMention":4},{"userMention":{"user":5,"type":6}},{"userMention":{"user":{"name":7}}},` + one("users/a b", "MENTION") + `,` + one("groups/1", "MENTION") + `,` + one("users/", "ADD") + `,` + one("users/"+strings.Repeat("x", 2000), "MENTION") + `]`, nil},
		"no list":            {`{"0":` + one("users/1", "MENTION") + `}`, nil},
		"a text":             {`"users/1"`, nil},
	} {
		ev, bad := Decode(attributesOf("google.workspace.chat.message.v1.created"), []byte(`{"message":{"name":"spaces/S/messages/M","text":"t","annotations":`+tt.annotations+`}}`))
		if bad != nil {
			t.Errorf("%s: %v", name, bad)
			continue
		}
		if diff := cmp.Diff(tt.want, ev.Items[0].Message.Mentions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ev, bad := Decode(attributesOf("google.workspace.chat.message.v1.created"), []byte(`{"message":{"name":"spaces/S/messages/M","annotations":[`+strings.Join(many, ",")+`]}}`))
	if bad != nil || len(ev.Items[0].Message.Mentions) != maxMentions {
		t.Errorf("of very many: %v, %v", ev, bad)
	}
}
