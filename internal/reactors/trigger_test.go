package reactors_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Every event type of spaces pulls a trigger, and what a trigger needs can be
// subscribed to.
func TestEventTypesOfTriggers(t *testing.T) {
	t.Parallel()
	var pulled []string
	for _, trigger := range reactors.Triggers() {
		pulled = append(pulled, trigger.EventTypes()...)
	}
	possible := config.EventTypes()
	slices.Sort(pulled)
	pulled = slices.Compact(pulled) // people and Google Groups come and go by the same events
	slices.Sort(possible)
	if diff := cmp.Diff(possible, pulled); diff != "" {
		t.Errorf("event types (-that a subscription can name +that pull triggers):\n%s", diff)
	}
}
