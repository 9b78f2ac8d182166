package report

import (
	"fmt"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/provision"
)

// PubSubRow is a drift of Pub/Sub as it is printed.
type PubSubRow struct {
	Resource string `json:"resource"`
	Field    string `json:"field"`
	Got      string `json:"got,omitempty"`
	Want     string `json:"want"`
	Why      string `json:"why"`
	Fix      string `json:"fix"`
	Mended   bool   `json:"mended"` // apply does it

	missing bool // the resource isn't there at all
}

// PubSubRows lists what apply mends, then what it leaves to a person.
func PubSubRows(mended, left []provision.Drift) []PubSubRow {
	var rows []PubSubRow
	add := func(list []provision.Drift, mended bool) {
		for _, d := range list {
			rows = append(rows, PubSubRow{d.Resource, d.Field, d.Got, d.Want, d.Why, d.Fix, mended, d.Missing()})
		}
	}
	add(mended, true)
	add(left, false)
	return rows
}

// Text is the row for people.
func (r PubSubRow) Text() string {
	switch {
	case r.Mended && r.missing:
		return "apply makes " + r.Resource
	case r.Mended && strings.HasPrefix(r.Field, "roles/"):
		return fmt.Sprintf("apply grants %s on %s to %s", r.Field, r.Resource, r.Want)
	case r.Mended:
		return fmt.Sprintf("apply sets %s of %s to %s (now %s)", r.Field, r.Resource, r.Want, r.Got)
	}
	return fmt.Sprintf("%s of %s is %s, not %s: %s: %s", r.Field, r.Resource, r.Got, r.Want, r.Why, r.Fix)
}
