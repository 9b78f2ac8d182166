package redaction

import (
	"slices"
	"strings"
	"testing"
)

func TestErase(t *testing.T) {
	t.Parallel()
	const post = `{"message":{"name":"spaces/S/messages/T.M","sender":{"name":"users/12","type":"HUMAN"},"createTime":"2026-11-20T12:00:00Z",`
	person := &Person{
		User: "users/1", Names: []string{"Ann Ames", "Ann"}, Only: []string{"Ann Ames"}, Spaces: []string{"spaces/D"},
		Message: func(name string) bool { return name == "spaces/S/messages/T.T" },
	}
	for name, tt := range map[string]struct{ data, want string }{
		"another's":      {post + `"text":"Ann is here"}}`, ""},
		"another number": {`{"message":{"name":"spaces/S/messages/T.M","sender":{"name":"users/12"},"text":"<users/12>"}}`, ""},
		"theirs": {`{"message":{"name":"spaces/S/messages/T.M","sender":{"name":"users/1","type":"HUMAN","displayName":"x"},"createTime":"t",
			"text":"x","annotations":[],"attachment":[{"contentName":"x"}],"thread":{"name":"spaces/S/threads/T","threadKey":"x"}}}`,
			`{"message":{"name":"spaces/S/messages/T.M","sender":{"name":"users/1","type":"HUMAN"},"createTime":"t","thread":{"name":"spaces/S/threads/T"},"spacekeeperErased":true}}`},
		"no sender":   {`{"message":{"name":"spaces/S/messages/T.T","text":"x"}}`, `{"message":{"name":"spaces/S/messages/T.T","spacekeeperErased":true}}`},
		"only a name": {`{"message":{"name":"spaces/S/messages/T.T"}}`, ""},
		"of a batch": {`{"messages":[{"message":{"name":"spaces/S/messages/A","sender":{"name":"users/1"},"text":"x"}},{"message":{"name":"spaces/S/messages/B","sender":{"name":"users/2"},"text":"y"}}]}`,
			`{"messages":[{"message":{"name":"spaces/S/messages/A","sender":{"name":"users/1"},"spacekeeperErased":true}},{"message":{"name":"spaces/S/messages/B","sender":{"name":"users/2"},"text":"y"}}]}`},
		"a whole name":    {post + `"text":"ask Ann Ames, or Annabel Ames"}}`, post + `"text":"ask [erased], or Annabel Ames"}}`},
		"a part of words": {post + `"text":"Hann Ames, Ann Amesbury"}}`, ""},
		"mentioned": {post + `"text":"é @A. hi Ann","formattedText":"<users/1> hi","annotations":[{"startIndex":2,"length":3,"userMention":{"user":{"name":"users/1","displayName":"A.","email":"x"}}}]}}`,
			post + `"text":"é [erased] hi [erased]","formattedText":"\u003cusers/1\u003e hi","annotations":[{"startIndex":2,"length":3,"userMention":{"user":{"name":"users/1"}}}]}}`},
		"quoted": {post + `"text":"yes","quotedMessageMetadata":{"name":"spaces/S/messages/T.T","quotedMessageSnapshot":{"text":"x"}}}}`,
			post + `"text":"yes","quotedMessageMetadata":{"name":"spaces/S/messages/T.T"}}}`},
		"another quoted": {post + `"text":"yes","quotedMessageMetadata":{"name":"spaces/S/messages/T.U","quotedMessageSnapshot":{"text":"x"}}}}`, ""},
		"an app's": {`{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/9","type":"BOT"},"text":"Welcome <users/1>, x"}}`,
			`{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/9","type":"BOT"},"spacekeeperErased":true}}`},
		"privately": {`{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/9"},"text":"x","privateMessageViewer":{"name":"users/1"}}}`,
			`{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/9"},"privateMessageViewer":{"name":"users/1"},"spacekeeperErased":true}}`},
		"directly": {`{"message":{"name":"spaces/D/messages/M","sender":{"name":"users/9","type":"BOT"},"text":"x"}}`,
			`{"message":{"name":"spaces/D/messages/M","sender":{"name":"users/9","type":"BOT"},"spacekeeperErased":true}}`},
		"to an app": {`{"type":"CARD_CLICKED","eventTime":"t","user":{"name":"users/1","email":"x"},"space":{"name":"spaces/S"},"action":{"parameters":[{"key":"a","value":"x"}]},"common":{"formInputs":{}}}`,
			`{"type":"CARD_CLICKED","eventTime":"t","user":{"name":"users/1"},"space":{"name":"spaces/S"}}`},
		"to an add-on": {`{"commonEventObject":{"parameters":{"a":"x"}},"chat":{"user":{"name":"users/1"},"eventTime":"t","messagePayload":{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/1"},"text":"x"},"x":"x"}}}`,
			`{"chat":{"user":{"name":"users/1"},"eventTime":"t","messagePayload":{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/1"},"spacekeeperErased":true}}}}`},
		"joined":            {`{"membership":{"name":"spaces/S/members/1","member":{"name":"users/1","type":"HUMAN"}}}`, ""},
		"numbers":           {post + `"x":12345678901234567890.10,"text":"Ann Ames"}}`, post + `"x":12345678901234567890.10,"text":"[erased]"}}`},
		"no JSON":           {`{"a":"users/1`, "-"},
		"no JSON of theirs": {`{"a":"users/12`, ""},
	} {
		got, changed := person.Erase([]byte(tt.data))
		want := tt.want
		switch want {
		case "":
			want = tt.data
		case "-":
			want = ""
		default:
			want = strings.TrimSuffix(want, "}") + `,"spacekeeperErased":true}`
		}
		if string(got) != want || changed != (tt.want != "") {
			t.Errorf("%s: %v\n got %s\nwant %s", name, changed, got, want)
		}
		if IsErased(got) != changed {
			t.Errorf("%s: IsErased(%s) is %v", name, got, !changed)
		}
		if again, changed := person.Erase(got); changed || string(again) != string(got) {
			t.Errorf("%s: once more: %s", name, again)
		}
	}
	called := person.Called([]byte(`{"user":{"name":"users/1","displayName":"Ann A.","email":"ann@example.com"},"x":[{"name":"users/2","displayName":"Bob"}]}`))
	if !slices.Equal(called, []string{"Ann A.", "ann@example.com"}) {
		t.Errorf("called %q", called)
	}
}

// Whatever comes, what is left says nothing of the person, and nothing is left to do.
func FuzzErase(f *testing.F) {
	f.Add([]byte(`{"message":{"name":"spaces/S/messages/M","sender":{"name":"users/1"},"text":"Ann Ames"}}`))
	f.Add([]byte(`{"a":["Ann Ames",{"Ann Ames":1e3}],"quotedMessageMetadata":{"x":"\u0041nn Ames"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		person := &Person{User: "users/1", Names: []string{"Ann Ames"}, Only: []string{"Ann Ames"}}
		got, changed := person.Erase(data)
		if !changed {
			return
		}
		if Names(string(got), "Ann Ames") {
			t.Errorf("%q became %q", data, got)
		}
		if again, changed := person.Erase(got); changed {
			t.Errorf("%q became %q and then %q", data, got, again)
		}
	})
}
