package coverage

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at returns a time so many minutes after the first.
func at(minutes int) time.Time {
	return time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	live, gap := &interval{1, SourceLive, at(0)}, &interval{1, SourceGap, at(30)}
	seen, short := observed{at: at(20), confirmed: at(20), expires: at(240)}, observed{at: at(20), confirmed: at(20), expires: at(25)}
	active := func(created, updated, observed int, changes ...func(*SubscriptionState)) SubscriptionState {
		s := SubscriptionState{State: "ACTIVE", CreateTime: at(created), UpdateTime: at(updated), ObservedAt: at(observed)}
		for _, change := range changes {
			change(&s)
		}
		return s
	}
	touched := func(s *SubscriptionState) { s.Touched = true }
	elsewhere := func(s *SubscriptionState) { s.Elsewhere = true }
	lapsed := func(s *SubscriptionState) { s.Lapse = "ENDPOINT_NOT_FOUND" }
	suspended := SubscriptionState{State: "SUSPENDED", Reason: "ENDPOINT_NOT_FOUND", ObservedAt: at(40)}
	liveFrom := func(from int) move { return move{openSource: SourceLive, openFrom: at(from)} }
	lost := func(from, to int, cause string) move {
		return move{endOpen: at(from), gapUntil: at(to), openSource: SourceLive, openFrom: at(to), cause: cause}
	}
	opens := func(from int, cause string) move {
		return move{endOpen: at(from), openSource: SourceGap, openFrom: at(from), cause: cause}
	}
	tests := map[string]struct {
		open *interval
		prev observed
		now  SubscriptionState
		want move
	}{
		"first seen, just created":         {nil, observed{}, active(0, 0, 1), liveFrom(0)},
		"first seen, changed since":        {nil, observed{}, active(0, 5, 6), lost(0, 5, CauseChanged)},
		"first seen, changed by this pass": {nil, observed{}, active(0, 5, 6, touched), liveFrom(0)},
		"wanted again":                     {nil, observed{ended: at(10)}, active(0, 0, 20, touched), liveFrom(10)},
		"unchanged":                        {live, seen, active(0, 0, 30), move{}},
		"renewed by this pass":             {live, seen, active(0, 25, 30, touched), move{}},
		"changed by others":                {live, seen, active(0, 25, 30), lost(20, 25, CauseChanged)},
		"reactivated":                      {live, seen, active(0, 25, 30, lapsed), lost(20, 25, "ENDPOINT_NOT_FOUND")},
		"another once it had expired":      {live, short, active(25, 26, 30), lost(20, 26, CauseExpired)},
		"made anew by this pass":           {live, short, active(25, 26, 30, touched), lost(20, 25, CauseExpired)},
		"another before it would expire":   {live, seen, active(25, 26, 30), lost(20, 26, CauseDeleted)},
		"replaced by this pass":            {live, seen, active(25, 26, 30, touched), lost(20, 25, CauseDeleted)},
		"a gap ends":                       {gap, seen, active(0, 40, 50), move{endOpen: at(40), openSource: SourceLive, openFrom: at(40)}},
		"a gap ends, nobody knows when":    {gap, seen, active(0, 10, 50), move{endOpen: at(50), openSource: SourceLive, openFrom: at(50)}},
		"suspended":                        {live, seen, suspended, opens(20, "ENDPOINT_NOT_FOUND")},
		"still suspended":                  {gap, seen, suspended, move{}},
		"to another topic":                 {live, seen, active(0, 0, 30, elsewhere), opens(20, CauseElsewhere)},
		"none, and none before": {
			nil, observed{}, SubscriptionState{ObservedAt: at(30)},
			move{openSource: SourceGap, openFrom: at(30), cause: CauseMissing},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decide(test.open, test.prev, test.now)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(move{})); diff != "" {
				t.Errorf("decide (-want +got):\n%s", diff)
			}
		})
	}
}
