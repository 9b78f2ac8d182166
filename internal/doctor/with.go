package doctor

import (
	"context"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/capacity"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// run makes a check.
type run = func(context.Context, *examination) finding

// with makes a check of an answer that several checks judge. If there is no
// answer, the finding is what without says of the error.
func with[T any](
	answer func(*examination) (T, error), without func(error) finding, judge func(context.Context, *examination, T) finding,
) run {
	return func(ctx context.Context, e *examination) finding {
		got, err := answer(e)
		if err != nil {
			return without(err)
		}
		return judge(ctx, e, got)
	}
}

func withStore(judge func(context.Context, *examination, *store.Store) finding) run {
	return with(func(e *examination) (*store.Store, error) { return e.store() }, unreachable, judge)
}

func withEventLog(judge func(context.Context, *examination, *eventlog.Log) finding) run {
	return with((*examination).eventLog, unreachable, judge)
}

func withInspection(judge func(context.Context, *examination, inspection) finding) run {
	return with(func(e *examination) (inspection, error) { return e.inspect() }, unreachable, judge)
}

func withSettings(judge func(context.Context, *examination, capacity.Settings) finding) run {
	return with(func(e *examination) (capacity.Settings, error) { return e.settings() }, unreachable, judge)
}

func withRules(judge func(context.Context, *examination, []Rule) finding) run {
	return with(func(e *examination) ([]Rule, error) { return e.rules() }, unruled, judge)
}

func withPlan(judge func(context.Context, *examination, []subscriptions.Action) finding) run {
	return with((*examination).plan, unanswered, judge)
}
