package ingest

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		outcome   events.Outcome
		graceOver bool
		want      action
	}{
		{events.Recorded, false, ack},
		{events.Recorded, true, ack},
		{events.Duplicate, false, ack},
		{events.Duplicate, true, ack},
		{events.Quarantined, false, ack},
		{events.Quarantined, true, ack},
		{events.Unsettled, false, hold},
		{events.Unsettled, true, release},
		{events.Outcome(99), false, hold}, // an outcome that doesn't exist is no reason to ack
		{events.Outcome(99), true, release},
	} {
		if got := decide(tt.outcome, tt.graceOver); got != tt.want {
			t.Errorf("decide(%v, graceOver=%t) = %v, want %v", tt.outcome, tt.graceOver, got, tt.want)
		}
	}
}
