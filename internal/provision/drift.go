package provision

import "fmt"

// Mend says how a drift can be mended.
type Mend int

const (
	InPlace  Mend = iota // Make does it
	Manual               // possible, but a person must want it: somebody may need it as it is
	Recreate             // Pub/Sub can't change it: only another subscription has it right
)

func (m Mend) String() string {
	switch m {
	case InPlace:
		return "in place"
	case Manual:
		return "by hand"
	}
	return "only by another one"
}

// existence is the field of a drift whose resource is missing.
const existence = "existence"

// Drift is one difference of a live resource from the facts.
type Drift struct {
	Resource string // "projects/P/subscriptions/S"
	Field    string // as Pub/Sub and Terraform name it: "expiration_policy.ttl"; "existence", or a role
	Got      string // as gcloud writes it: "7d"
	Want     string
	Why      string // the consequence
	Fix      string // a gcloud command, or what to do instead
	Mend     Mend
	Grave    bool // events don't arrive or are lost; else they may be, one day
}

func (d Drift) String() string {
	return fmt.Sprintf("%s %s: %s is %s, not %s: %s; %s", kind(d.Resource), id(d.Resource), d.Field, d.Got, d.Want, d.Why, d.Fix)
}

// Missing reports whether there is no such resource.
func (d Drift) Missing() bool { return d.Field == existence }
