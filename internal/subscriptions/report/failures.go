package report

import (
	"errors"
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// sameShown is how many failures with one cause are shown in full.
const sameShown = 3

// Join is errors.Join for people: where very many targets fail for one cause, a
// few of them stand for all.
func Join(failures []error) error {
	type cause struct{ why, remedy string }
	count := map[cause]int{}
	var shown []error
	var order []cause
	for _, err := range failures {
		var explained *subscriptions.Error
		if !errors.As(err, &explained) {
			shown = append(shown, err)
			continue
		}
		c := cause{explained.Cause, explained.Remedy}
		if count[c]++; count[c] <= sameShown {
			shown = append(shown, err)
			continue
		}
		if count[c] == sameShown+1 {
			order = append(order, c)
		}
	}
	for _, c := range order {
		shown = append(shown, fmt.Errorf("… and %d more: %s", count[c]-sameShown, c.why))
	}
	return errors.Join(shown...)
}
