package never

import (
	"regexp"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
)

// mirrored are comparisons with their sides exchanged.
var mirrored = map[string]string{
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

// parts are what functions bring of a time.
var parts = map[string]struct {
	from, to   types.Int
	suggestion string
}{
	"getHours":      {0, 23, "it is 0 to 23"},
	"getMinutes":    {0, 59, "it is 0 to 59"},
	"getSeconds":    {0, 59, "it is 0 to 59"},
	"getDayOfWeek":  {0, 6, "Sunday is 0, Saturday 6"},
	"getDayOfMonth": {0, 30, "the first is 0; getDate counts from 1"},
	"getDate":       {1, 31, "it is 1 to 31"},
	"getMonth":      {0, 11, "January is 0, December 11"},
	"getDayOfYear":  {0, 365, "it is 0 to 365"},
}

// ofTime reports whether a call is of a time: a duration has hours, too, and more
// of them.
func ofTime(args []celast.Expr) bool {
	name := tree.Name(args[0])
	return len(args) == 2 || name == "now" || name == "event.time"
}

// counted looks at the numbers that a part of a time is compared with.
func (s *search) counted(comparison string, x, with celast.Expr) {
	function, args := tree.Call(x)
	part, ok := parts[function]
	if !ok || len(args) == 0 || !ofTime(args) {
		return
	}
	items := []celast.Expr{with}
	if with.Kind() == celast.ListKind {
		items = with.AsList().Elements()
	}
	for _, item := range items {
		n, ok := tree.Literal[types.Int](item)
		if !ok {
			continue
		}
		never := n < part.from || n > part.to
		says := "%s is never %d"
		switch comparison {
		case operators.Less:
			never, says = n <= part.from, "%s is never less than %d"
		case operators.LessEquals:
			never, says = n < part.from, "%s is never %d or less"
		case operators.Greater:
			never, says = n >= part.to, "%s is never more than %d"
		case operators.GreaterEquals:
			never, says = n > part.to, "%s is never %d or more"
		}
		if never {
			s.never(item.ID(), part.suggestion, says, function, n)
		}
	}
}

// fixedOffset is a zone without a name. Clocks are at most 14 hours ahead.
var fixedOffset = regexp.MustCompile(`^[+-]?(0\d|1[0-4]):[0-5]\d$`)

// zone looks at the zone by whose clock a part of a time is asked for.
func (s *search) zone(x celast.Expr, function string, args []celast.Expr) {
	if len(args) == 2 {
		for _, l := range literals(args[1]) {
			if _, err := clock.Zone(l.text); err != nil && !fixedOffset.MatchString(l.text) {
				s.never(l.id, clock.SuggestZone(l.text), "%q is not a time zone", l.text)
			}
		}
		return
	}
	switch function {
	case "getHours", "getDayOfWeek", "getDayOfMonth", "getDate":
		if ofTime(args) {
			s.doubt(x.ID(), `name a zone, as in `+function+`("Europe/Berlin"), or "UTC"`, "%s() is that of UTC", function)
		}
	}
}
