package rules

import (
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const day = 24 * time.Hour

// QuietHours are the times outside of which a rule keeps quiet. They are times
// of the clock on the wall, of one zone.
type QuietHours struct {
	*clock.Hours
	Drop bool // what falls outside is dropped, not deferred
}

type quietKeys struct {
	Zone  zone      `yaml:"zone" required:"true" doc:"The time zone, such as Europe/Berlin."`
	Allow hoursText `yaml:"allow" required:"true" doc:"When the rule may act: Mon-Fri 08:00-18:00, Sat 10:00-12:00."`
	Else  string    `yaml:"else" doc:"What becomes of the rest; defer if not set." enum:"defer,drop"`
}

// zone is a time zone of the IANA database.
type zone struct{ loc *time.Location }

func (z *zone) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	s := d.Text(path, n)
	if s == "" {
		return
	}
	loc, err := clock.Zone(s)
	if err != nil {
		d.At(n.At, clock.SuggestZone(s), "%s is not a time zone", path)
		return
	}
	z.loc = loc
}

func (*zone) Schema(*schemer) schema {
	return schema{"type": "string", "examples": []string{"Europe/Berlin", "UTC"}}
}

// hoursText is hours of a week, as they are written.
type hoursText string

func (*hoursText) Schema(*schemer) schema {
	return schema{"type": "string", "pattern": clock.HoursPattern}
}

func (k *quietKeys) hours(d *strictyaml.Decoder, path string) *QuietHours {
	q := &QuietHours{Drop: k.Else == "drop"}
	if q.Hours = hours(d, path, "allow", k.Allow, k.Zone); q.Hours == nil {
		return nil
	}
	return q
}

// hours reads the hours of a section that has them under a key, beside their zone.
func hours(d *strictyaml.Decoder, path, key string, source hoursText, z zone) *clock.Hours {
	misspelt := slices.ContainsFunc(d.Nodes[path].Pairs, func(p strictyaml.Pair) bool { return wording.Means(p.Key, "zone") }) // reported
	if !d.Has(strictyaml.Join(path, "zone")) && !misspelt {
		d.At(d.Where(path), "for example zone: Europe/Berlin", "%s needs a zone", path)
	}
	at := strictyaml.Join(path, key)
	if !d.Has(at) {
		d.At(d.Where(path), "for example "+key+": Mon-Fri 08:00-18:00", "%s needs %s", path, key)
		return nil
	}
	n := d.Nodes[at]
	if n.Kind != strictyaml.Text {
		return nil // reported
	}
	h, offset, err := clock.ParseHours(string(source), z.loc)
	if err != nil {
		d.At(n.Inside(offset), "for example Mon-Fri 08:00-18:00, Sat 10:00-12:00", "%s: %v", at, err)
		return nil
	}
	if z.loc == nil {
		return nil // reported
	}
	return h
}
