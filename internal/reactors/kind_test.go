package reactors_test

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Whoever reads the history for a trigger reads the kind of events that pull it.
func TestKindIsThatOfTheEvents(t *testing.T) {
	t.Parallel()
	for _, trigger := range reactors.Triggers() {
		kind := trigger.Kind()
		if (kind == "") != (trigger == reactors.Schedule) {
			t.Errorf("the kind of %s is %q", trigger, kind)
		}
		for _, name := range trigger.EventTypes() {
			if !strings.Contains(name, "."+string(kind)+".") {
				t.Errorf("%s is pulled by %s, and its kind is %s", trigger, name, kind)
			}
		}
	}
}
