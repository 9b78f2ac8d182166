package expr

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	celast "cel.dev/cel-go/common/ast"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Error is what is wrong with an expression or a template. CEL's messages are
// for programmers: this file explains the mistakes that are made most, and all
// others keep CEL's words.
type Error struct {
	Offset     int    // in bytes, of where it begins to be wrong
	Message    string // "undefined field 'nam'"
	Suggestion string // "did you mean name?"; may be empty
}

func (e *Error) Error() string {
	if e.Suggestion == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Suggestion)
}

// byteOffset turns a place as CEL tells it, a line and characters in it, into
// bytes from the start.
func byteOffset(src string, at common.Location) int {
	offset := 0
	for range at.Line() - 1 {
		next := strings.IndexByte(src[offset:], '\n')
		if next < 0 {
			return len(src)
		}
		offset += next + 1
	}
	for range at.Column() {
		_, size := utf8.DecodeRuneInString(src[offset:])
		offset += size
	}
	return offset
}

func offsetOf(src string, a *celast.AST, id int64) int {
	return byteOffset(src, a.SourceInfo().GetStartLocation(id))
}

// first returns the error that comes first in the source.
func first(issues *cel.Issues) *common.Error {
	return slices.MinFunc(issues.Errors(), func(a, b *common.Error) int {
		return cmp.Or(a.Location.Line()-b.Location.Line(), a.Location.Column()-b.Location.Column())
	})
}

// Hints for what is written in another language's words.
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

// What other languages call functions that there are.
var elsewhere = map[string]string{
	"includes": "contains", "include": "contains", "has": "contains", "contain": "contains",
	"tolower": "lower", "tolowercase": "lower", "lowercase": "lower", "downcase": "lower", "casefold": "lower",
	"word": "hasWord", "hasword": "hasWord", "containsword": "hasWord",
	"upper": "upperAscii", "toupper": "upperAscii", "touppercase": "upperAscii", "uppercase": "upperAscii", "upcase": "upperAscii",
	"len": "size", "length": "size", "count": "size",
	"match": "matches", "test": "matches", "regex": "matches", "beginswith": "startsWith",
}

var (
	badToken     = regexp.MustCompile(`^token recognition error at: '(.+)'$`)
	bareDuration = regexp.MustCompile(`[0-9]+$`)

	unexpected  = regexp.MustCompile(`^(?:mismatched|extraneous) input '(.+?)' expecting`)
	missing     = regexp.MustCompile(`^missing '(.)' at`)
	reserved    = regexp.MustCompile(`^reserved identifier: (.+)$`)
	noSuchField = regexp.MustCompile(`^undefined field '(.+)'$`)
	noSuchName  = regexp.MustCompile(`^undeclared reference to '([^']+)'`)
	noOverload  = regexp.MustCompile(`^found no matching overload for '(.+)' applied to '(?:(.+)\.)?\((.*)\)'$`)
	noRange     = regexp.MustCompile(`^expression of type '(.+)' cannot be range`)
	mismatch    = regexp.MustCompile(`^expected type '(.+)' but found '(.+)'$`)
	noFields    = regexp.MustCompile(`^type '(.+)' does not support field selection`)
)

// explainSyntax says what can't be read.
func explainSyntax(src string, issues *cel.Issues) error {
	found := first(issues)
	e := &Error{Offset: byteOffset(src, found.Location)}
	text := strings.TrimPrefix(found.Message, "Syntax error: ")
	word := func(w string) {
		if w == "<EOF>" {
			e.Message = "the expression ends too early"
			return
		}
		// "not x" is read as the name not and something unexpected.
		if before := strings.TrimRight(src[:e.Offset], " "); before == "not" || strings.HasSuffix(before, " not") {
			e.Offset, w = len(before)-len("not"), "not"
		}
		if d := bareDuration.FindString(src[:e.Offset]); d != "" && strings.Contains("smhdw", w) {
			e.Offset -= len(d)
			e.Message, e.Suggestion = d+w+" is not a duration", `write duration("1h"), with s, m, h or d`
			return
		}
		e.Message, e.Suggestion = w+" is not expected here", instead[w]
	}
	switch {
	case tooDeep(text):
		e.Offset, e.Message = 0, deep
	case strings.HasPrefix(strings.TrimSpace(src), "{{"):
		e.Offset, e.Message, e.Suggestion = strings.Index(src, "{{"), "{{ is for texts", "leave {{ and }} out"
	case strings.Contains(text, "has() macro"):
		e.Message, e.Suggestion = "has asks for a field", "such as has(member.name)"
	case missing.MatchString(text):
		e.Message = missing.FindStringSubmatch(text)[1] + " is missing"
	case reserved.MatchString(text):
		w := reserved.FindStringSubmatch(text)[1]
		e.Message, e.Suggestion = w+" is a reserved word", instead[w]
	case badToken.MatchString(text):
		w := strings.TrimSpace(badToken.FindStringSubmatch(text)[1])
		if strings.HasPrefix(w, `"`) || strings.HasPrefix(w, `'`) {
			e.Message = "a quote isn't closed"
			break
		}
		word(w)
	case unexpected.MatchString(text):
		word(unexpected.FindStringSubmatch(text)[1])
	case strings.HasPrefix(text, "no viable alternative"):
		word(restOf(src, e.Offset))
	default:
		e.Message = text
	}
	return e
}

const deep = "too many parentheses, calls or operators inside one another"

func tooDeep(message string) bool {
	return strings.Contains(message, "recursion limit exceeded") || strings.Contains(message, "max recursion depth exceeded")
}

// restOf is the character at an offset, or "<EOF>".
func restOf(src string, offset int) string {
	if offset >= len(src) {
		return "<EOF>"
	}
	r, _ := utf8.DecodeRuneInString(src[offset:])
	return string(r)
}

// checkName says whether a name is known, and what was meant.
func (e *Env) checkName(src string, a *celast.AST, x celast.Expr, local []string) error {
	name := strings.TrimPrefix(x.AsIdent(), ".")
	if slices.Contains(local, name) {
		return nil
	}
	if _, isType := e.schema.FindIdent(name); isType {
		return nil
	}
	message, suggestion := name+" is not known", strictyaml.Suggest(name, e.known())
	if e.isVariable(name) {
		message, suggestion = e.unknown(name), "known are "+strings.Join(e.known(), ", ")
	}
	if message == "" {
		return nil
	}
	return &Error{Offset: offsetOf(src, a, x.ID()), Message: message, Suggestion: suggestion}
}

// explainTypes says what doesn't fit.
func (e *Env) explainTypes(src string, a *celast.AST, issues *cel.Issues) error {
	found := first(issues)
	out := &Error{Offset: byteOffset(src, found.Location), Message: found.Message}
	text := found.Message
	if m := noSuchField.FindStringSubmatch(text); m != nil {
		e.explainField(src, a, found.ExprID, m[1], out)
	} else if m := noSuchName.FindStringSubmatch(text); m != nil {
		out.Message = "there is no function " + m[1]
		if near := cmp.Or(elsewhere[strings.ToLower(m[1])], strictyaml.Nearest(m[1], e.functions())); near != "" {
			out.Suggestion = "did you mean " + near + "?"
		}
	} else if m := noOverload.FindStringSubmatch(text); m != nil {
		out.Message, out.Suggestion = explainOverload(m[1], m[2], m[3])
	} else if m := noRange.FindStringSubmatch(text); m != nil {
		out.Message = "exists, all, filter and map are for lists, and this is " + named(m[1])
	} else if m := noFields.FindStringSubmatch(text); m != nil {
		out.Message = named(m[1]) + " has no fields"
	} else if strings.HasPrefix(text, "regex program size") {
		out.Message = "too costly: the regular expression is too large"
	} else if m := mismatch.FindStringSubmatch(text); m != nil {
		out.Message = fmt.Sprintf("%s is expected here, not %s", named(m[1]), named(m[2]))
	} else if tooDeep(text) {
		out.Offset, out.Message = 0, deep
	} else if strings.HasPrefix(text, "invalid duration") {
		out.Message, out.Suggestion = "this is not a duration", `such as "90s", "10m" or "7d"`
	} else if strings.HasPrefix(text, "invalid timestamp") {
		out.Message, out.Suggestion = "this is not a time", `such as "2026-01-31T08:00:00Z"`
	} else if strings.HasPrefix(text, "invalid matches") {
		out.Message, out.Suggestion = "this is not a regular expression", "see https://github.com/google/re2/wiki/Syntax"
	}
	return out
}

// explainField says which fields there are instead of one.
func (e *Env) explainField(src string, a *celast.AST, id int64, name string, out *Error) {
	x := findExpr(a.Expr(), id)
	// The place is that of the dot.
	if at := strings.Index(src[out.Offset:], name); at >= 0 {
		out.Offset += at
	}
	st, what := e.schema.structs[mentionName], mentionName // most that are in lists
	if x != nil && x.Kind() == celast.SelectKind {
		if path := pathOf(x.AsSelect().Operand()); path != nil {
			if f := e.schema.find(path); f != nil && f.sub != nil {
				st, what = f.sub, strings.Join(path, ".")
			}
		}
	}
	out.Message = fmt.Sprintf("%s has no field %s", what, name)
	out.Suggestion = cmp.Or(undecided[name], strictyaml.Suggest(name, st.order))
}

// undecided are names that leave open what holds if nobody knows.
var undecided = map[string]string{
	"is_external": "write known_external, false if nobody knows, or maybe_external, true if nobody knows",
	"external":    "write known_external, false if nobody knows, or maybe_external, true if nobody knows",
	"is_internal": "write !maybe_external, false if nobody knows, or !known_external, true if nobody knows",
}

func findExpr(x celast.Expr, id int64) celast.Expr {
	if x.ID() == id {
		return x
	}
	for _, child := range children(x) {
		if found := findExpr(child, id); found != nil {
			return found
		}
	}
	return nil
}

// functions lists what can be called by name.
func (e *Env) functions() []string {
	var list []string
	for name := range e.cel.Functions() {
		if !strings.ContainsAny(name, "!@-") && !strings.HasPrefix(name, "_") {
			list = append(list, name)
		}
	}
	for _, m := range e.cel.Macros() {
		list = append(list, m.Function())
	}
	slices.Sort(list)
	return list
}

// explainOverload says that an operator or function doesn't take what it got.
func explainOverload(function, target, args string) (message, suggestion string) {
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
		message = fmt.Sprintf("%s of %s doesn't take (%s)", function, named(target), strings.Join(operands, ", "))
	default:
		message = fmt.Sprintf("%s doesn't take (%s)", function, strings.Join(operands, ", "))
	}
	is := func(t string) bool { return slices.Contains(operands, t) }
	switch {
	case operator == "in" && operands[1] == "a string":
		suggestion = `of a text ask x.contains("y"), of a list x in ["y", "z"]`
	case is(mentionName) && operator != "+" && operator != function:
		suggestion = "compare member.name"
	case is(mentionName):
		suggestion = "write it as its own placeholder: {{ member.mention }}"
	case operator == "+" && is("a string"):
		suggestion = "string( ) makes text of a number or a time"
	case is("a time") && is("a string"):
		suggestion = `write timestamp("2026-01-31T08:00:00Z")`
	case is("a duration") && (is("a string") || is("an integer")):
		suggestion = `write duration("1h"), with s, m, h or d`
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
				list = append(list, named(t))
			}
			from = i + 1
		}
	}
	return list
}

// named says a type as people do.
func named(t string) string {
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
