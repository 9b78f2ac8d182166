package strictyaml

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// YAML's messages name its own notions. What most probably was meant follows
// from them and from the line.

var (
	dashWithoutSpace  = regexp.MustCompile(`^\s*-[A-Za-z]`)
	colonWithoutSpace = regexp.MustCompile(`^[\s-]*[a-z_]+:[^\s/]`)
	beginsBlock       = regexp.MustCompile(`:\s*[|>][-+0-9]*$`)
)

// fix says what to write instead of what the parser stumbled over; "" if
// it can't be told.
func (s *Source) fix(at Position, message string) string {
	if at.Line < 1 || at.Line > len(s.lines) {
		return ""
	}
	line := s.lines[at.Line-1]
	runes := s.runes(at.Line - 1)
	rest := string(runes[min(max(at.Column-1, 0), len(runes)):])
	says := func(part string) bool { return strings.Contains(message, part) }
	switch {
	case says("cannot start any token") && strings.HasPrefix(rest, "\t"):
		return "indent with spaces instead of tabs"
	case strings.Contains(line, ": {{"):
		return "put text that begins with {{ in quotes"
	case says("reserved character"):
		return "put text that begins with it in quotes"
	case says("mapping value") && dashWithoutSpace.MatchString(line):
		return "put a space after the -"
	case says("mapping value") && strings.Contains(rest, ":"):
		return "put text that holds a colon in quotes"
	case says("mapping value") && indent(s.next(at.Line)) > indent(line):
		return "the line below it is indented too far"
	case says("unexpected key name") && colonWithoutSpace.MatchString(line):
		return "put a space after the colon"
	case says("not allowed in this context") && indent(line) == at.Column-1:
		return "begin the line in the same column as the other keys of its section"
	case says("non-map value") && beginsBlock.MatchString(s.before(at.Line)):
		return "indent the text further than its key"
	case says("must be specified") && says("]"):
		return "a [ before it isn't closed by ]"
	case says("must be specified") && says("}"):
		return "a { before it isn't closed by }"
	case says("flow map content"):
		return "put text that holds brackets in quotes"
	}
	return ""
}

// keyFix says what to write instead of a key that isn't a word.
func keyFix(key ast.MapKeyNode) string {
	switch key.(type) {
	case *ast.MergeKeyNode:
		return "write out what << stands for"
	case *ast.MappingKeyNode:
		return "put a text that begins with {{ in quotes"
	}
	return "put it in quotes"
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// next is the first line below a line, from 1, that isn't empty.
func (s *Source) next(line int) string { return firstFilled(slices.All(s.lines[line:])) }

// before is the last line above a line, from 1, that isn't empty.
func (s *Source) before(line int) string { return firstFilled(slices.Backward(s.lines[:line-1])) }

func firstFilled(lines iter.Seq2[int, string]) string {
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			return l
		}
	}
	return ""
}
