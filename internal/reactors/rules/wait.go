package rules

import (
	"reflect"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Wait is how long after an event something is due.
type Wait = clock.Wait

// waitKeys is a duration, or a section of working time.
type waitKeys struct{ Wait }

// workingKeys is time of which only some hours count.
type workingKeys struct {
	Working time.Duration `yaml:"working" required:"true" doc:"How much of the hours has to pass."`
	Hours   hoursText     `yaml:"hours" required:"true" doc:"The hours that count: Mon-Fri 09:00-17:00."`
	Zone    zone          `yaml:"zone" required:"true" doc:"Their time zone, such as Europe/Berlin."`
}

func (k *waitKeys) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	if n.Kind != strictyaml.Section {
		d.Decode(path, n, &k.For)
		return
	}
	var w workingKeys
	d.Decode(path, n, &w)
	if !d.Has(strictyaml.Join(path, "working")) {
		d.At(n.At, "for example working: 4h", "%s needs working", path)
	}
	k.For, k.Hours = w.Working, hours(d, path, "hours", w.Hours, w.Zone)
}

func (*waitKeys) Schema(s *schemer) schema {
	wait := s.Of(reflect.TypeFor[time.Duration]())
	wait["oneOf"] = append(wait["oneOf"].([]any), s.Section(reflect.TypeFor[workingKeys]()))
	return wait
}

// waits checks a wait that was written. Working time is tried from a Monday on.
func (c *ruleCompiler) waits(path string, w Wait) {
	if c.Nodes[path].Kind != strictyaml.Section {
		c.between(path, w.For, 0, maxWait)
		return
	}
	working := strictyaml.Join(path, "working")
	if !c.Has(working) || w.Hours == nil {
		return // reported
	}
	known := len(c.compiler.List)
	c.between(working, w.For, time.Second, maxWait)
	if monday := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC); len(c.compiler.List) == known {
		if due := w.From(monday); due.IsZero() || due.Sub(monday) > maxWait {
			c.At(c.Where(working), "", "%s takes more than %s", working, strictyaml.FormatDuration(maxWait))
		}
	}
}
