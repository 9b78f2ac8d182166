package rules

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// fileKeys is the file as it is written. These structs are the grammar: the
// decoder and the schema for editors are driven by their tags.
type fileKeys struct {
	Reactors  []ruleNode   `yaml:"reactors" required:"true" doc:"The rules, each under an id of its own."`
	Overrides overrideNode `yaml:"overrides" doc:"What differs in a space: space, then rule id, then the keys or paths such as do[0].send.text."`
	Tests     []testKeys   `yaml:"tests" doc:"Cases that 'reactors test' runs with a clock of its own."`
}

type ruleKeys struct {
	ID          string        `yaml:"id" required:"true" pattern:"^[a-z][a-z0-9-]{0,39}$" doc:"Names the rule in runs, overrides and commands; a new id is a new rule that has done nothing yet."`
	Description string        `yaml:"description" doc:"For people."`
	Mode        string        `yaml:"mode" doc:"shadow decides and renders, but sends nothing; the default." enum:"off,shadow,live"`
	On          triggers      `yaml:"on" required:"true" doc:"What the rule waits for."`
	Cron        string        `yaml:"cron" pattern:"^\\s*[^\\s=]+(\\s+[^\\s=]+){4}\\s*$" doc:"With on: schedule: minute, hour, day of month, month, day of week."`
	Zone        zone          `yaml:"zone" doc:"The time zone of cron."`
	Bots        bool          `yaml:"bots" doc:"Acts on what apps do, too; false if not set."`
	Stay        *bool         `yaml:"stay" doc:"Ends a run whose member has left in the meantime; true for member.joined if not set."`
	Spaces      spacesKeys    `yaml:"spaces" doc:"Where the rule applies; everywhere if not set."`
	If          string        `yaml:"if" pattern:"\\S" doc:"A CEL condition on the event and on what is known when the run is due."`
	Wait        waitKeys      `yaml:"wait" doc:"How long after the event the run is due."`
	Until       string        `yaml:"until" pattern:"\\S" doc:"A CEL condition on the member or the message: once it holds, the run is due, before the wait is over."`
	Still       string        `yaml:"still" pattern:"\\S" doc:"A CEL condition that is asked when the run is due."`
	OncePer     oncePerKeys   `yaml:"once_per" doc:"For what the rule acts at most once."`
	Collapse    collapseKeys  `yaml:"collapse" doc:"Makes one run of many that come together."`
	QuietHours  quietKeys     `yaml:"quiet_hours" doc:"When the rule may act."`
	Limit       limitKeys     `yaml:"limit" doc:"How many runs go through."`
	MaxAge      time.Duration `yaml:"max_age" doc:"A run that is this late isn't done any more; 10m if not set, 24h with a sequence."`
	Do          []doNode      `yaml:"do" empty:"no" doc:"The actions, in order."`
	Sequence    []stepKeys    `yaml:"sequence" empty:"no" doc:"Several steps, each some time after the event."`
	StopWhen    string        `yaml:"stop_when" pattern:"\\S" doc:"A CEL condition that ends a sequence, asked before each step."`
}

type stepKeys struct {
	ID    string   `yaml:"id" pattern:"^[a-z0-9][a-z0-9.-]{0,39}$" doc:"By what the step is known wherever it stands, and must not change; its after if not set, such as 1d."`
	After waitKeys `yaml:"after" required:"true" doc:"How long after the event the step is due."`
	If    string   `yaml:"if" pattern:"\\S" doc:"A CEL condition that is asked when the run is due; the next step comes all the same."`
	Do    []doNode `yaml:"do" required:"true" empty:"no" doc:"The actions, in order."`
}

type collapseKeys struct {
	Window time.Duration `yaml:"window" required:"true" doc:"A run waits this long for others in its space."`
	Over   int           `yaml:"over" min:"1" doc:"More than so many become one; 5 if not set."`
	Do     []doNode      `yaml:"do" required:"true" empty:"no" doc:"What is done once for all of them; texts may use group."`
}

// asWritten is a part of the file that is decoded later.
type asWritten struct{ node *strictyaml.Node }

func (w *asWritten) UnmarshalNode(_ *strictyaml.Decoder, _ string, n *strictyaml.Node) { w.node = n }

// ruleNode is a rule that is decoded once its overrides are known.
type ruleNode struct{ asWritten }

func (*ruleNode) Schema(s *schemer) schema {
	rule := s.Of(reflect.TypeFor[ruleKeys]())
	either := func(key, other string) schema {
		return schema{"required": []string{key}, "properties": schema{
			key: schema{"type": "array"}, other: schema{"type": "null"},
		}}
	}
	rule["oneOf"], rule["allOf"] = []any{either("do", "sequence"), either("sequence", "do")}, together()
	return rule
}

// doNode is an action and its parameters.
type doNode struct{ asWritten }

func (*doNode) Schema(*schemer) schema { return schema{"$ref": "#/definitions/do"} }

// overrideNode holds the overrides as they were written.
type overrideNode struct{ asWritten }

func (*overrideNode) Schema(s *schemer) schema {
	rule := s.Section(reflect.TypeFor[ruleKeys]())["properties"].(schema)
	for _, key := range fixed() {
		delete(rule, key)
	}
	first := `^(` + strings.Join(slices.Sorted(maps.Keys(rule)), "|") + `)($|[.\[])`
	for key, is := range rule {
		rule[key] = partly(is.(schema))
	}
	keys := schema{"type": "object", "properties": rule, "propertyNames": schema{"pattern": first}}
	return schema{
		"type":                 "object",
		"additionalProperties": schema{"type": "object", "additionalProperties": keys},
		"propertyNames":        schema{"pattern": events.SpacePattern},
	}
}

// partly describes a section that is merged with another: it may have only some of
// its keys.
func partly(is schema) schema {
	is = maps.Clone(is)
	delete(is, "required")
	if several, ok := is["oneOf"].([]any); ok {
		some := make([]any, len(several))
		for i, one := range several {
			some[i] = partly(one.(schema))
		}
		is["oneOf"] = some
	}
	return is
}

// triggers is one trigger or a list of them.
type triggers []reactors.Trigger

func (t *triggers) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	items := n.Items
	if n.Kind != strictyaml.List {
		items = []*strictyaml.Node{n}
	}
	for _, item := range items {
		w := reactors.Trigger(d.Text(path, item))
		switch {
		case item.Kind != strictyaml.Text: // reported
		case !w.Known():
			d.At(item.At, wording.Word(string(w), triggerNames()), "%s: there is no trigger %q", path, w)
		default:
			*t = append(*t, w)
		}
	}
}

func (*triggers) Schema(*schemer) schema {
	one := strictyaml.Words(triggerNames())
	return schema{"oneOf": []any{one, schema{"type": "array", "items": one, "minItems": 1, "uniqueItems": true}}}
}

func triggerNames() []string { return reactors.Words(reactors.Triggers()) }
