package rules

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// rate is "20/h".
type rate struct {
	max    int
	window time.Duration
}

func (r *rate) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	ok := n.Kind == strictyaml.Text
	if ok {
		*r, ok = parseRate(n.Text)
	}
	if !ok {
		d.At(n.At, "write how many in what time, such as 20/h, 1/d or 5/30m", "%s must be a rate", path)
	}
}

var rates = regexp.MustCompile(`^ *([1-9][0-9]{0,5}|1000000) */ *(s|m|min|h|d|w|` + strictyaml.DurationPattern + `) *$`)

func (*rate) Schema(*schemer) schema { return schema{"type": "string", "pattern": rates.String()} }

func parseRate(s string) (rate, bool) {
	parts := rates.FindStringSubmatch(s)
	if parts == nil {
		return rate{}, false
	}
	n, _ := strconv.Atoi(parts[1]) // it is a number
	if u, ok := strictyaml.Unit(parts[2]); ok {
		return rate{n, u}, true
	}
	window, err := strictyaml.ParseDuration(parts[2])
	return rate{n, window}, err == nil && window >= time.Second && window <= maxAge
}

type limitKeys struct {
	PerSpace   rate   `yaml:"per_space" doc:"In each space."`
	PerMember  rate   `yaml:"per_member" doc:"For each person."`
	PerReactor rate   `yaml:"per_reactor" doc:"Of this reactor, in all spaces together."`
	PerApp     rate   `yaml:"per_app" doc:"With bots: true: reactions to one app in a space where it may answer them, of all rules together."`
	Else       string `yaml:"else" doc:"What becomes of the rest: drop (the default), or later, as soon as the limit allows, in order." enum:"drop,later"`
}

func (k *limitKeys) limits() []reactors.Limit {
	later := k.Else == "later"
	limits := []reactors.Limit{
		{Per: reactors.PerSpace, Max: k.PerSpace.max, Window: k.PerSpace.window, Later: later},
		{Per: reactors.PerMember, Max: k.PerMember.max, Window: k.PerMember.window, Later: later},
		{Per: reactors.PerReactor, Max: k.PerReactor.max, Window: k.PerReactor.window, Later: later},
		{Per: reactors.PerApp, Max: k.PerApp.max, Window: k.PerApp.window},
	}
	return slices.DeleteFunc(limits, func(l reactors.Limit) bool { return l.Max == 0 }) // those that aren't set
}
