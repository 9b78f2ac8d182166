// Package wording says in people's words what CEL says in its own, and knows the
// words and the markup of other programs and languages, by which people write what
// they mean.
//
// Its functions are pure. What they don't know they leave as it is, or answer "".
package wording

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Mention is what a mention of a person is called among types.
const Mention = "a mention"

// instead is what to write for the words of other languages.
var instead = map[string]string{
	"=":   "compare with ==",
	"&":   "write && for and",
	"|":   "write || for or",
	"and": "write && for and",
	"or":  "write || for or",
	"not": "write ! for not",
	"“":   `write straight quotes: "`,
	"”":   `write straight quotes: "`,
	"„":   `write straight quotes: "`,
	"‘":   `write straight quotes: '`,
	"’":   `write straight quotes: '`,
}

// functions are what other languages call functions that there are.
var functions = map[string]string{
	"includes": "contains", "include": "contains", "has": "contains", "contain": "contains",
	"tolower": "lower", "tolowercase": "lower", "lowercase": "lower", "downcase": "lower", "casefold": "lower",
	"word": "hasWord", "hasword": "hasWord", "containsword": "hasWord",
	"upper": "upperAscii", "toupper": "upperAscii", "touppercase": "upperAscii", "uppercase": "upperAscii", "upcase": "upperAscii",
	"len": "size", "length": "size", "count": "size",
	"match": "matches", "test": "matches", "regex": "matches", "beginswith": "startsWith",
}

// Instead says what to write for a word of another language; "" if nothing is known.
func Instead(word string) string { return instead[word] }

// Function is the function that other languages call by a name; "" if none is known.
func Function(name string) string { return functions[strings.ToLower(name)] }

// Word says which word is meant. Chat's own words differ from those of its
// API.
func Word(word string, words []string) string {
	if strings.EqualFold(word, "owner") && slices.Contains(words, "ROLE_MANAGER") {
		return "did you mean ROLE_MANAGER? So the API calls what people see as Owner"
	}
	for _, w := range words {
		if strings.EqualFold(w, "role_"+word) {
			return "did you mean " + w + "?"
		}
	}
	if meant := synonym(word); slices.Contains(words, meant) {
		return "did you mean " + meant + "?"
	}
	return strictyaml.Suggest(word, words)
}

// synonyms are what Google and others call the triggers, keys and subjects of rules.
var synonyms = map[string]string{
	"reaction.created": "reaction.added", "reaction.deleted": "reaction.removed",
	"message.updated": "message.edited", "message.added": "message.created", "message.sent": "message.created",
	"message.removed": "message.deleted",
	"member.created":  "member.joined", "member.added": "member.joined", "member.removed": "member.left", "member.deleted": "member.left",
	"member.updated": "member.role_changed", "space.created": "space.added", "space.removed": "space.deleted",
	"timezone": "zone", "time_zone": "zone", "tz": "zone", "trigger": "on", "event": "on", "when": "on", "condition": "if", "delay": "wait",
	"actions": "do", "steps": "sequence", "name": "id",
	"body": "text", "content": "text", "user": "member", "person": "member", "room": "space",
	"reply": "thread", "direct": "private", "everybody": "space", "all": "space",
}

// Means reports whether a word is another's for a thing that rules call otherwise.
func Means(word, thing string) bool { return word != thing && synonym(word) == thing }

// synonym is what rules call a thing that Google or others call by a word.
func synonym(word string) string {
	word = strings.TrimPrefix(strings.ToLower(word), events.ChatPrefix)
	word = strings.Replace(word, ".v1.", ".", 1)
	if rest, ok := strings.CutPrefix(word, "membership."); ok {
		word = "member." + rest
	}
	if meant := synonyms[word]; meant != "" {
		return meant
	}
	return word
}

// Emoji is what other programs call by a name such as ":eyes:"; "" if it isn't known.
func Emoji(name string) string { return shortNames[strings.Trim(name, ":")] }

// shortNames are of emoji that people react with.
var shortNames = map[string]string{
	"+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "ok_hand": "👌", "clap": "👏", "raised_hands": "🙌", "pray": "🙏",
	"wave": "👋", "muscle": "💪", "eyes": "👀", "heart": "❤️", "tada": "🎉", "fire": "🔥", "rocket": "🚀", "star": "⭐", "bulb": "💡",
	"100": "💯", "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌", "warning": "⚠️", "rotating_light": "🚨", "sos": "🆘",
	"question": "❓", "exclamation": "❗", "hourglass": "⌛", "bug": "🐛", "joy": "😂", "smile": "😄", "cry": "😢", "thinking": "🤔",
}

// Overload says that an operator or function doesn't take what it got.
func Overload(function, target, args string) (message, suggestion string) {
	operands := typeList(args)
	operator := strings.TrimPrefix(strings.Trim(function, "_"), "@")
	switch {
	case function == "_[_]":
		message = fmt.Sprintf("[ ] doesn't find %s in %s", operands[len(operands)-1], operands[0])
	case function == "_?_:_":
		if operands[0] != "true or false" {
			return "what is before ? must be true or false, and this is " + operands[0], ""
		}
		return "what is before and after : must be of one type", ""
	case operator != function:
		message = operator + " doesn't go with " + strings.Join(operands, " and ")
	case target != "":
		message = fmt.Sprintf("%s of %s doesn't take (%s)", function, Type(target), strings.Join(operands, ", "))
	default:
		message = fmt.Sprintf("%s doesn't take (%s)", function, strings.Join(operands, ", "))
	}
	is := func(t string) bool { return slices.Contains(operands, t) }
	switch {
	case function == "answered":
		suggestion = `its emoji are a list: answered(["✅"])`
	case function != operator && is("a map"):
		suggestion = `ask for one, as in message.reactions["👍"]`
	case operator == "in" && operands[1] == "a string":
		suggestion = `of a text ask x.contains("y"), of a list x in ["y", "z"]`
	case is(Mention) && operator != "+" && operator != function:
		suggestion = "compare member.name"
	case is(Mention):
		suggestion = "write it as its own placeholder: {{ member.mention }}"
	case operator == "+" && is("a string"):
		suggestion = "string( ) makes text of a number or a time"
	case is("a time") && is("a string"):
		suggestion = `write timestamp("2026-01-31T08:00:00Z")`
	case is("a duration") && (is("a string") || is("an integer")):
		suggestion = `write duration("1h"), with s, m, h or d`
	case is("an integer") && operands[0] == "a string":
		suggestion = `what is compared with a text is in quotes, such as "1"`
	case is("an integer") && is("a string"):
		suggestion = "numbers are written without quotes"
	case is("an integer") && is("a decimal number"):
		suggestion = "write 1.0 for 1, or use double( )"
	case slices.Contains([]string{"!", "&&", "||"}, operator):
		suggestion = `it wants something true or false, such as x != ""`
	}
	return message, suggestion
}

// typeList splits the types of a signature.
func typeList(args string) (list []string) {
	depth, from := 0, 0
	for i, r := range args + "," {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			if t := strings.TrimSpace(args[from:i]); t != "" {
				list = append(list, Type(t))
			}
			from = i + 1
		}
	}
	return list
}

// Type says a type as people do.
func Type(t string) string {
	switch {
	case strings.HasPrefix(t, "list("):
		return "a list"
	case strings.HasPrefix(t, "map("):
		return "a map"
	case strings.HasPrefix(t, "type("):
		return "a type"
	}
	return cmp.Or(typeNames[t], t)
}

// typeNames are what people call CEL's types.
var typeNames = map[string]string{
	"string": "a string", "bool": "true or false", "bytes": "bytes", "null": "null", "null_type": "null",
	"int": "an integer", "uint": "an unsigned integer", "double": "a decimal number",
	"timestamp": "a time", "google.protobuf.Timestamp": "a time",
	"duration": "a duration", "google.protobuf.Duration": "a duration",
	"dyn": "something whose type isn't known",
}
