package draft

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"my-project", "no", "1e3", "a: b", "#", "'", `"\`, "name:Team *", "ä\u2028", "-", "a:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfeff || r == 0xfffd }) {
			t.Skip("refused by the checks, or never typed")
		}
		var got struct{ Key any }
		if err := yaml.Unmarshal([]byte("key: "+quote(text)+" # comment\n"), &got); err != nil || got.Key != text {
			t.Errorf("%q is written as %s and read as %v (%v)", text, quote(text), got.Key, err)
		}
	})
}
