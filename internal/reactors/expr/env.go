package expr

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Variables that need more than a field of Facts.
const (
	nowVariable   = "now"   // when the run is taken up, or the event is evaluated
	groupVariable = "group" // of a collapsed run only
)

// filled says which variables an event of each trigger fills, besides trigger,
// event and now, which are always there. What isn't filled would only be a
// trap: a condition on it compiles and never holds.
var filled = map[reactors.Trigger][]string{
	reactors.MemberJoined:          {"space", "member"},
	reactors.MemberLeft:            {"space", "member"},
	reactors.MemberRoleChanged:     {"space", "member"},
	reactors.GroupAdded:            {"space", "google_group"},
	reactors.GroupRemoved:          {"space", "google_group"},
	reactors.MessageCreated:        {"space", "member", "message"},
	reactors.MessageEdited:         {"space", "member", "message"},
	reactors.MessageDeleted:        {"space", "message"}, // Chat doesn't say whose it was
	reactors.ReactionAdded:         {"space", "member", "message", "reaction"},
	reactors.ReactionRemoved:       {"space", "member", "message", "reaction"},
	reactors.SpaceUpdated:          {"space"},
	reactors.SpaceDeleted:          {"space"},
	reactors.SpaceAdded:            {"space", "member"},
	reactors.AppMentioned:          {"space", "member", "message"},
	reactors.AppMessaged:           {"space", "member", "message"},
	reactors.Command:               {"space", "member", "message", "command"},
	reactors.CardClicked:           {"space", "member", "message", "card"},
	reactors.SubscriptionSuspended: {"subscription"},
	reactors.SubscriptionExpiring:  {"subscription"},
	reactors.SubscriptionExpired:   {"subscription"},
	reactors.Schedule:              {"space"},
}

// Brought leaves of facts what their trigger brings.
func Brought(f reactors.Facts) reactors.Facts {
	has := Variables(f.Trigger)
	facts := reflect.ValueOf(&f).Elem()
	for i := range facts.NumField() {
		variable := facts.Field(i)
		switch name := facts.Type().Field(i).Tag.Get("cel"); {
		case name == "trigger" || name == "event" || name == groupVariable:
		case !slices.Contains(has, name):
			variable.SetZero()
		default:
			for j := range variable.NumField() {
				if !bringersOf(variable.Type().Field(j)).brought(string(f.Trigger)) {
					variable.Field(j).SetZero()
				}
			}
		}
	}
	return f
}

// Variables lists the variables that a trigger fills, without group, which a
// collapsed run of any trigger has.
func Variables(t reactors.Trigger) []string {
	rest, ok := filled[t]
	if !ok {
		return nil
	}
	return append([]string{"trigger", "event", nowVariable}, rest...)
}

// Env is what expressions may refer to. It doesn't change.
type Env struct {
	cel      *cel.Env
	schema   *schema
	triggers []reactors.Trigger // nil: any
	group    bool
}

// NewEnv returns the environment with the variables of all triggers.
func NewEnv() (*Env, error) {
	s, err := newSchema()
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{
		cel.CustomTypeProvider(s),
		cel.CustomTypeAdapter(s),
		cel.Variable(nowVariable, cel.TimestampType),
		ext.Strings(),
		cel.Macros(readDays),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.RegexProgramSizeLimit(maxRegexp),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals()),
	}
	options = append(options, slices.Concat(textFunctions(), s.functions())...)
	for name, f := range s.roots {
		options = append(options, cel.Variable(name, f.cel))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("make CEL's environment: %w", err)
	}
	return &Env{cel: env, schema: s}, nil
}

// For returns the environment with only the variables that all of these
// triggers fill.
func (e *Env) For(triggers []reactors.Trigger) *Env {
	c := *e
	c.triggers = slices.Clone(triggers)
	return &c
}

// ForGroup returns the environment with group.
func (e *Env) ForGroup() *Env {
	c := *e
	c.group = true
	return &c
}

// known lists the variables of the environment.
func (e *Env) known() []string {
	list := []string{nowVariable}
	for name := range e.schema.roots {
		if e.unknown(name) == "" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// unknown says why a variable may not be used here; "" if it may.
func (e *Env) unknown(variable string) string {
	if variable == groupVariable {
		if e.group {
			return ""
		}
		return "group is known only where collapse says what to do"
	}
	for _, t := range e.triggers {
		if !slices.Contains(Variables(t), variable) {
			return fmt.Sprintf("%s is not known for %s", variable, t)
		}
	}
	return ""
}

// activation gives a program its variables.
type activation struct {
	schema *schema
	facts  *reactors.Facts
	now    time.Time
}

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	if name == nowVariable {
		return types.Timestamp{Time: a.now}, true
	}
	f, ok := a.schema.roots[name]
	if !ok {
		return nil, false
	}
	switch name { // the frequent ones without reflection
	case "member":
		return &a.facts.Member, true
	case "message":
		return &a.facts.Message, true
	case "space":
		return &a.facts.Space, true
	}
	v, _ := f.access.GetFrom(a.facts)
	return v, true
}

// Parent implements cel.Activation.
func (*activation) Parent() cel.Activation { return nil }
