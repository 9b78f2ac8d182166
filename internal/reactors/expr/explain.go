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

	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
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
			if strings.HasSuffix(src[:e.Offset], messagesLast+"(") {
				e.Suggestion = fmt.Sprintf("write %q", d+w)
			}
			return
		}
		e.Message, e.Suggestion = w+" is not expected here", wording.Instead(w)
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
		e.Message, e.Suggestion = w+" is a reserved word", wording.Instead(w)
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
		if near := cmp.Or(wording.Function(m[1]), strictyaml.Nearest(m[1], e.functions())); near != "" {
			out.Suggestion = "did you mean " + near + "?"
		}
	} else if m := noOverload.FindStringSubmatch(text); m != nil {
		out.Message, out.Suggestion = wording.Overload(m[1], m[2], m[3])
	} else if m := noRange.FindStringSubmatch(text); m != nil {
		out.Message = "exists, all, filter and map are for lists, and this is " + wording.Type(m[1])
	} else if m := noFields.FindStringSubmatch(text); m != nil {
		out.Message = wording.Type(m[1]) + " has no fields"
	} else if strings.HasPrefix(text, "regex program size") {
		out.Message = "too costly: the regular expression is too large"
	} else if m := mismatch.FindStringSubmatch(text); m != nil {
		out.Message = fmt.Sprintf("%s is expected here, not %s", wording.Type(m[1]), wording.Type(m[2]))
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
		if path := tree.Path(x.AsSelect().Operand()); path != nil {
			if f := e.schema.find(path); f != nil && f.sub != nil {
				st, what = f.sub, strings.Join(path, ".")
			}
		}
	}
	out.Message = fmt.Sprintf("%s has no field %s", what, name)
	out.Suggestion = cmp.Or(undecided[name], strictyaml.Suggest(name, st.order))
}

// undecided are names that leave open what holds if nobody knows, and functions.
var undecided = map[string]string{
	"is_external": "write known_external, false if nobody knows, or maybe_external, true if nobody knows",
	"external":    "write known_external, false if nobody knows, or maybe_external, true if nobody knows",
	"answered":    "write answered(), with brackets",
	"is_internal": "write !maybe_external, false if nobody knows, or !known_external, true if nobody knows",
}

func findExpr(x celast.Expr, id int64) celast.Expr {
	if x.ID() == id {
		return x
	}
	for _, child := range tree.Children(x) {
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
