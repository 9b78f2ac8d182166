package wording

import (
	"regexp"
	"slices"
	"strings"
)

// markup is what other programs write instead of Chat's markup.
var markup = []struct {
	form    *regexp.Regexp
	message string
	instead string
}{
	{regexp.MustCompile(`\*\*[^\s*][^*\n]*\*\*`), "Chat shows the asterisks", "bold is *one asterisk* on each side"},
	{regexp.MustCompile(`~~[^\s~][^~\n]*~~`), "Chat shows the tildes", "struck out is ~one tilde~ on each side"},
	{regexp.MustCompile(`\[[^\]\n]+\]\(https?://`), "Chat shows the brackets", "a link is <https://example.com/|its text>"},
	{regexp.MustCompile(`(?i)</?(?:b|i|u|s|a|p|br|em|strong|strike|code|pre|font|h[1-6]|ul|ol|li)(?:\s[^<>\n]*)?/?>`), "Chat shows the tag",
		"bold is *one asterisk* on each side, a link is <https://example.com/|its text>"},
	{regexp.MustCompile(`(?m)^#{1,6} \S`), "Chat shows the #", "there are no headings; bold is *one asterisk* on each side"},
}

// maxOfKind is how many doubts of a kind a text gets.
const maxOfKind = 20

// Doubt is what can hardly be meant in a text.
type Doubt struct {
	Offset           int // in bytes
	Message, Instead string
}

// Markup finds the markup of other programs in a text for Chat.
func Markup(text string) (doubts []Doubt) {
	for _, m := range markup {
		for _, at := range m.form.FindAllStringIndex(text, maxOfKind) {
			doubts = append(doubts, Doubt{at[0], m.message, m.instead})
		}
	}
	return doubts
}

var oneBrace = regexp.MustCompile(`(?:^|[^{])(\{ *([a-z_]+)(?:\.[a-z_]+)+ *\})(?:[^}]|$)`)

// Braces finds what is meant as a placeholder and written with a single brace on
// each side.
func Braces(text string, variables []string) (doubts []Doubt) {
	for _, at := range oneBrace.FindAllStringSubmatchIndex(text, -1) {
		if written := text[at[2]:at[3]]; slices.Contains(variables, text[at[4]:at[5]]) && len(doubts) < maxOfKind {
			meant := "{{ " + strings.Trim(written, "{ }") + " }}"
			doubts = append(doubts, Doubt{at[2], "it is sent as it stands", "a placeholder has two braces on each side: " + meant})
		}
	}
	return doubts
}
