package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
)

// titles call each space a team.
type titles struct{}

func (titles) With(resource string) string {
	return strings.ReplaceAll(resource, "spaces/A", "Team (spaces/A)")
}
func (titles) In(text string) string { return titles{}.With(text) }

// busy is a replay of 505 triggers, the last 22 of which send something: half of
// them texts, half of them events to a webhook.
func busy() *replay.Result {
	r := &replay.Result{Rules: []replay.Summary{{
		Reactor: "answer", Pulled: 505, Outcomes: map[reactors.Outcome]int{reactors.ConditionFalse: 483, reactors.Sent: 22},
	}}}
	for i := range 505 {
		e := replay.Entry{
			At: time.Date(2026, 1, 5, 9, 0, i, 0, time.UTC), Reactor: "answer", Step: replay.NoStep, Space: "spaces/A", Member: "users/1",
			Outcome: reactors.ConditionFalse, Reason: "if: false",
		}
		if i >= 483 {
			e.Outcome, e.Reason = reactors.Sent, ""
			e.Requests = []reactors.Request{{Action: "send", Body: json.RawMessage(fmt.Sprintf(`{"text":"Text %d"}`, i))}}
			if i%2 == 0 {
				e.Requests = []reactors.Request{{Action: "webhook", Body: json.RawMessage(`{}`), Effect: "an event about spaces/A to siem.example.com"}}
			}
		}
		r.Entries = append(r.Entries, e)
	}
	return r
}

// printed is what is printed of a replay.
func printed(t *testing.T, format string, s report.Shown) string {
	t.Helper()
	var out strings.Builder
	env := &cli.Env{Out: &out, Format: format}
	if err := report.Replay(env, busy(), s, func(...string) preview.Titles { return titles{} }); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What would be sent comes first, however much else there is; then it is counted.
func TestReplayShowsWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	got := printed(t, cli.Table, report.Shown{Limit: 3})
	const want = `TIME            REACTOR  SPACE            MEMBER   RESULT         TEXT OR REASON
01-05 09:08:03  answer   Team (spaces/A)  users/1  would send     Text 483
01-05 09:08:04  answer   Team (spaces/A)  users/1  would webhook  an event about Team (spaces/A) to siem.example.com
01-05 09:08:05  answer   Team (spaces/A)  users/1  would send     Text 485
… and 19 more: --limit shows more, -o json all
answer: 505 triggers · 22 would be sent · 483 condition_false
nothing was sent
Next: --outcome condition_false shows when and why
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := strings.Count(printed(t, cli.Table, report.Shown{}), "would "); got != 22+1 {
		t.Errorf("without a limit, %d lines say what would be done, want 22 and their number", got)
	}
}

func TestReplayShowsAnOutcome(t *testing.T) {
	t.Parallel()
	got := printed(t, cli.Table, report.Shown{Outcome: reactors.ConditionFalse})
	if n := strings.Count(got, "if: false"); n != 200 || !strings.Contains(got, "… and 283 more") || strings.Contains(got, "Next:") {
		t.Errorf("%d lines of the outcome:\n%s", n, got)
	}
	for _, c := range []struct {
		shown report.Shown
		want  int
	}{{report.Shown{}, 505}, {report.Shown{Limit: 7}, 7}, {report.Shown{Outcome: reactors.Sent}, 22}, {report.Shown{Outcome: reactors.Left}, 0}} {
		var r replay.Result
		if err := json.Unmarshal([]byte(printed(t, cli.JSON, c.shown)), &r); err != nil || len(r.Entries) != c.want || r.Entries == nil {
			t.Errorf("%+v: %d entries, error %v, want %d", c.shown, len(r.Entries), err, c.want)
		}
	}
}
