package redaction

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ data, want string }{
		"none":        {`{"a": "configCompleteRedirectUrl", "text":"\"configCompleteRedirectUrl\": \"x\""}`, ""},
		"classic":     {`{"configCompleteRedirectUrl" : "https://x/?a=\"b", "b":1}`, `{"configCompleteRedirectUrl" : @, "b":1}`},
		"add-on":      {`{"chat":{"p":[{"configCompleteRedirectUri":"u"}]}}`, `{"chat":{"p":[{"configCompleteRedirectUri":@}]}}`},
		"twice":       {`{"configCompleteRedirectUrl":"u","configCompleteRedirectUri":"v"}`, `{"configCompleteRedirectUrl":@,"configCompleteRedirectUri":@}`},
		"escaped key": {`{"\u0063onfigCompleteRedirectUrl":"u"}`, `{"\u0063onfigCompleteRedirectUrl":@}`},
		"other types": {`{"configCompleteRedirectUrl":{"x":["}u"]},"configCompleteRedirectUri":12}`, `{"configCompleteRedirectUrl":@,"configCompleteRedirectUri":@}`},
		"null":        {`{"configCompleteRedirectUrl":null}`, ""},
		"again":       {`{"configCompleteRedirectUrl":` + Mark + `}`, ""},
		"cut off":     {`{"configCompleteRedirectUrl":"https://x`, `{"configCompleteRedirectUrl":@`},
		"broken":      {`{"a":"b"c","configCompleteRedirectUrl":"u"`, `{"a":"b"c","configCompleteRedirectUrl":@`},
		"no value":    {`{"configCompleteRedirectUrl":`, ""},
		"another key": {`{"configCompleteRedirectUrls":"u","\u0063":1}`, ""},
	} {
		want := strings.ReplaceAll(tt.want, "@", Mark)
		if tt.want == "" {
			want = tt.data
		}
		if got := string(Links([]byte(tt.data))); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// Whatever comes, nothing of it is a link, and JSON stays JSON.
func FuzzLinks(f *testing.F) {
	f.Add([]byte(`{"configCompleteRedirectUrl":"u","x":{"\u0063onfigCompleteRedirectUri":["v"]}}`))
	f.Add([]byte(`{"a":"b"c","configCompleteRedirectUrl":"u`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := Links(data)
		if again := Links(got); string(again) != string(got) {
			t.Errorf("%q is redacted to %q", got, again)
		}
		var value any
		if json.Unmarshal(data, &value) != nil {
			return
		}
		if err := json.Unmarshal(got, &value); err != nil {
			t.Fatalf("%q became %q: %v", data, got, err)
		}
		look(t, value)
	})
}

// look fails if there is a link in a value.
func look(t *testing.T, value any) {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			look(t, x)
		}
	case map[string]any:
		for key, x := range v {
			if link := key == "configCompleteRedirectUrl" || key == "configCompleteRedirectUri"; link && x != nil && x != strings.Trim(Mark, `"`) {
				t.Errorf("%s is %v", key, x)
			}
			look(t, x)
		}
	}
}
