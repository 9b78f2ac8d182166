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
	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// titles call each space a team.
type titles struct{}

func (titles) With(resource string) string {
	return strings.NewReplacer("spaces/A", "Team (spaces/A)", "users/7", "Anna (users/7)").Replace(resource)
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

// printed is what is printed of a busy replay.
func printed(t *testing.T, format string, s report.Shown) string {
	t.Helper()
	return printedOf(t, busy(), format, s)
}

func printedOf(t *testing.T, r *replay.Result, format string, s report.Shown) string {
	t.Helper()
	var out strings.Builder
	env := &cli.Env{Out: &out, Format: format}
	if err := report.Replay(env, r, s, func(...string) preview.Titles { return titles{} }); err != nil {
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

// What needs somebody's eyes is said in full: the reason of a failure before all
// else, names beside ids in texts, and of what waits when its event was.
func TestReplaySaysWhatToLookAt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	long := "render action \"0.0\" of reactor \"answer\": prepare \"0.0\": there is no thread to reply in"
	r := &replay.Result{
		Rules: []replay.Summary{{Reactor: "answer", Pulled: 3, Outcomes: map[reactors.Outcome]int{
			reactors.Pending: 1, reactors.Sent: 1, reactors.ConditionFalse: 1, reactors.Failed: 1,
		}}},
		Entries: []replay.Entry{
			{At: at, Reactor: "answer", Outcome: reactors.Sent, Requests: []reactors.Request{{Action: "send", Body: json.RawMessage(`{"text":"Hi <users/7>"}`)}}},
			{At: at, Reactor: "answer", Outcome: reactors.Failed, Reason: long},
			{
				At: at.Add(72 * time.Hour), EventTime: at, Due: at.Add(96 * time.Hour), Reactor: "answer",
				Outcome: reactors.Pending, Reason: "waiting, then quiet hours until 2026-01-12T08:00:00Z",
			},
		},
	}
	for outcome, want := range map[reactors.Outcome]string{
		"":               "Hi <Anna (users/7)>\n",
		reactors.Failed:  "  failed  " + long + "\n",
		reactors.Pending: "\n01-05 09:00:00  answer   -      -       waits until 01-09 09:00:00  waiting, then quiet hours until 2026-01-12T08:00:00Z\n",
	} {
		got := printedOf(t, r, cli.Table, report.Shown{Outcome: outcome})
		if !strings.Contains(got, want) || (outcome == "") != strings.HasSuffix(got, "Next: --outcome failed shows when and why\n") {
			t.Errorf("%q: got\n%s\nwant %q in it, and the next step", outcome, got, want)
		}
	}
}

// A list of rules says when a schedule comes next, by the clock of its zone.
func TestRulesSayWhenTheyCome(t *testing.T) {
	t.Parallel()
	berlin, err := clock.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	cron, err := clock.ParseCron("0 9 * * 7", berlin)
	if err != nil {
		t.Fatal(err)
	}
	rule := &rules.Rule{ID: "digest", Mode: rules.Live, On: []reactors.Trigger{reactors.Schedule}, Cron: cron}
	var out strings.Builder
	env := &cli.Env{Out: &out, Format: cli.Table}
	list := []report.Rule{report.RuleOf(rule, time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))}
	if err := report.Rules(env, list, func(...string) preview.Titles { return titles{} }); err != nil {
		t.Fatal(err)
	}
	if want := "schedule, next Sun 29 Nov 09:00 Europe/Berlin"; !strings.Contains(out.String(), want) {
		t.Errorf("got %s, want %s in it", out.String(), want)
	}
}

// The story of a run says what was tried in vain, and nothing of how often it was
// taken up.
func TestRunSaysWhatWasTriedInVain(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]string{0: "1. send (0.0): done\n", 2: "1. send (0.0): done, tried in vain 2 times\n"} {
		var out strings.Builder
		run := reactors.Run{ID: 1, Reactor: "a", Outcome: reactors.Sent, Attempts: 2, Requests: []reactors.Request{{Action: "send", Label: "0.0", Done: true, Tries: tries}}}
		if err := report.Run(&cli.Env{Out: &out, Format: cli.Table}, run, false, func(...string) preview.Titles { return titles{} }); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, want) || strings.Contains(got, "attempts") {
			t.Errorf("%d tries: got %s, want %q in it", tries, got, want)
		}
	}
}
