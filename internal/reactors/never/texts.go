package never

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/spacekeeper/spacekeeper/internal/reactors/letters"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// tests say whether a text is as it is asked for.
var tests = map[string]func(text, asked string) bool{
	operators.Equals:    func(text, asked string) bool { return text == asked },
	operators.NotEquals: func(text, asked string) bool { return text == asked }, // or it always holds
	operators.In:        func(text, asked string) bool { return text == asked },
	"contains":          strings.Contains,
	"startsWith":        strings.HasPrefix,
	"endsWith":          strings.HasSuffix,
	"hasWord":           func(text, asked string) bool { return letters.HoldsWord(letters.Lower(text), letters.Lower(asked)) },
	"matches":           func(text, asked string) bool { ok, err := regexp.MatchString(asked, text); return ok || err != nil },
}

// verbs say what never is.
var verbs = map[string]string{
	operators.Equals: "is never", operators.NotEquals: "is never", operators.In: "is never",
	"contains": "never contains", "startsWith": "never starts with", "endsWith": "never ends with",
	"hasWord": "never has the word", "matches": "never matches",
}

// within returns what functions that change a text are called with, and these
// functions, the innermost first.
func within(x celast.Expr) (inside celast.Expr, through []string) {
	function, args := tree.Call(x)
	switch function {
	case "lower", "lowerAscii", "upperAscii", "emoji.base":
		inside, through = within(args[0])
		return inside, append(through, function)
	}
	return x, nil
}

// apply is what one of these functions makes of a text.
func apply(function, text string) string {
	switch function {
	case "lower":
		return letters.Lower(text)
	case "lowerAscii":
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, text)
	case "upperAscii":
		return strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r + 'A' - 'a'
			}
			return r
		}, text)
	case "emoji.base":
		return letters.BaseEmoji(text)
	}
	return text
}

// changed reports whether a function would change the text with which what it
// returns is compared: it never returns that.
func (s *search) changed(function string, l literal) bool {
	is := apply(function, l.text)
	switch {
	case is != l.text && function == "emoji.base":
		s.never(l.id, fmt.Sprintf("write emoji.base(%q) there, too", l.text), "emoji.base is never %q, but the same in its plain form", l.text)
	case is != l.text:
		s.never(l.id, fmt.Sprintf("write %q", is), "%s() never brings %q", function, l.text)
	case function == "lowerAscii" && strings.ContainsFunc(l.text, otherLetter):
		s.doubt(l.id, "write lower()", "lowerAscii() knows A to Z only: a capital in %q isn't found", l.text)
	}
	return is != l.text
}

// otherLetter reports whether a letter outside of ASCII has a capital.
func otherLetter(r rune) bool { return r > unicode.MaxASCII && unicode.ToUpper(r) != r }

// edge is where a regular expression wants the edge of a word beside a letter that
// it takes for none.
var edge = regexp.MustCompile(`\\b[(?:]*[^\x00-\x7f]|[^\x00-\x7f]\)*\\b`)

func (s *search) edges(l literal) {
	if edge.MatchString(l.text) {
		s.doubt(l.id, `hasWord("…") finds a word of any language`, `\b knows ASCII's letters only: beside others it is an edge within a word`)
	}
}

// customEmoji is what emoji of an organization are called.
var customEmoji = regexp.MustCompile(`^:[a-z0-9_-]+:$`)

// emoji finds the names of emoji in other programs.
func (s *search) emoji(l literal, never string) {
	known := wording.Emoji(l.text)
	suggestion := ""
	if known != "" {
		suggestion = "did you mean " + known + "?"
	}
	ascii := !strings.ContainsFunc(l.text, func(r rune) bool { return r > '~' })
	switch {
	case l.text == "":
	case ascii && !customEmoji.MatchString(l.text):
		s.never(l.id, suggestion, never, l.text)
	case ascii && known != "":
		s.doubt(l.id, suggestion, "%s is an emoji of your own organization, if there is one of that name", l.text)
	}
}
