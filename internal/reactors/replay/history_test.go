package replay_test

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
)

var monday = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// joins is a past in which people join, a minute one after the other, and
// nothing else is known.
type joins []string // "spaces/S users/U"

func (j joins) History(_ context.Context, since, until time.Time, _ reactors.Filter, each func(reactors.Change) error) error {
	for i, who := range j {
		at := monday.Add(time.Duration(i) * time.Minute)
		if !at.After(since) || at.After(until) {
			continue
		}
		space, user, _ := strings.Cut(who, " ")
		e := &events.Event{ID: fmt.Sprintf("%s/spaceEvents/%d", space, i), Type: "google.workspace.chat.membership.v1.created", Time: at}
		e.Items = []events.Item{{
			Kind: events.KindMembership, Verb: events.VerbCreated, Space: space, Actor: user,
			Membership: &events.Membership{State: events.MembershipJoined, Member: events.User{Name: user, Type: events.UserHuman}},
		}}
		if err := each(reactors.Change{Event: e, Item: &e.Items[0], Origin: events.OriginLive, Joined: true}); err != nil {
			return err
		}
	}
	return nil
}

func (joins) FactsAsOf(_ context.Context, run reactors.Run, _ reactors.Needs, _ time.Time) (reactors.Facts, error) {
	f := run.Facts
	f.Member.IsMember = true
	return f, nil
}

func (joins) Reach(context.Context) (reactors.Reach, error) {
	return reactors.Reach{Spaces: []string{"spaces/A", "spaces/B"}}, nil
}

const greeting = `
reactors:
  - id: welcome
    on: member.joined
    wait: 2m
    limit: {per_reactor: 2/h}
    do: [{say: {text: "Hi {{ member.name }}"}}]
  - id: hello
    mode: live
    on: member.joined
    do: [{say: {text: "Hello {{ member.name }}"}}]
  - id: daily
    on: schedule
    cron: 1 9 * * *
    zone: UTC
    do: [{say: {text: "{{ space.name }}"}}]
`

var four = joins{"spaces/A users/1", "spaces/B users/2", "spaces/A users/3", "spaces/A users/1", "spaces/A users/4"}

// brief is what a test looks at of an entry.
func brief(r *replay.Result) (lines []string) {
	for i := range r.Entries {
		e := &r.Entries[i]
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", replay.After(e.At.Sub(monday)), e.Reactor, e.Outcome, strings.Join(e.Texts(), "|"))))
	}
	return lines
}

func play(t *testing.T, src string, o replay.Options) *replay.Result {
	t.Helper()
	return playPast(t, four, src, o)
}

func playPast(t *testing.T, past joins, src string, o replay.Options) *replay.Result {
	t.Helper()
	if o.Since.IsZero() {
		o.Since, o.Until = monday.Add(-time.Hour), monday.Add(5*time.Minute)
	}
	r, err := replay.History(t.Context(), parse(t, src), past, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options replay.Options
		want    []string
	}{
		"one rule, as if it were live": {replay.Options{Reactor: "welcome"}, []string{
			"2m welcome sent Hi users/1", "3m welcome already_done", "3m welcome sent Hi users/2", "4m welcome rate_limited", "5m welcome pending",
		}},
		"by its mode, and on beyond the window": {replay.Options{Reactor: "welcome", ByMode: true, Since: monday.Add(-1), Until: monday.Add(3 * time.Minute), Horizon: monday.Add(time.Hour)}, []string{
			"2m welcome shadow Hi users/1", "3m welcome already_done", "3m welcome shadow Hi users/2", "4m welcome rate_limited",
		}},
		"one space, of which others share the limit": {replay.Options{Reactor: "welcome", Space: "spaces/A"}, []string{
			"2m welcome sent Hi users/1", "3m welcome already_done", "4m welcome rate_limited", "5m welcome pending",
		}},
		"a window that begins at an event": {replay.Options{Reactor: "hello", Since: monday, Until: monday.Add(time.Minute)}, []string{"1m hello sent Hello users/2"}},
		"a schedule":                       {replay.Options{Reactor: "daily"}, []string{"1m daily sent spaces/A", "1m daily sent spaces/B"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := gocmp.Diff(tt.want, brief(play(t, greeting, tt.options))); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

// A run that is reopened counts towards limits when it is admitted again, and
// not before.
func TestReopenedRunIsCountedAnew(t *testing.T) {
	t.Parallel()
	past := joins{"spaces/A users/1", "spaces/B users/9", "spaces/B users/9", "spaces/A users/1", "spaces/B users/9", "spaces/B users/9", "spaces/A users/2"}
	r := playPast(t, past, `
reactors:
  - id: welcome
    on: member.joined
    spaces: [spaces/A]
    limit: {per_reactor: 1/5m}
    do: [{say: {text: "{{ 1 / (member.name == 'users/1' ? 0 : 1) }}"}}]
`, replay.Options{Since: monday.Add(-1), Until: monday.Add(time.Hour)})
	want := []string{"0 welcome failed", "3m welcome failed", "6m welcome rate_limited"}
	if diff := gocmp.Diff(want, brief(r)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	r := play(t, greeting, replay.Options{Space: "spaces/A"})
	want := []replay.Summary{
		{Reactor: "welcome", Pulled: 4, Outcomes: map[reactors.Outcome]int{reactors.Sent: 1, reactors.AlreadyDone: 1, reactors.RateLimited: 1, reactors.Pending: 1}},
		{Reactor: "hello", Pulled: 4, Outcomes: map[reactors.Outcome]int{reactors.Sent: 3, reactors.AlreadyDone: 1}},
		{Reactor: "daily", Pulled: 1, Outcomes: map[reactors.Outcome]int{reactors.Sent: 1}},
	}
	if diff := gocmp.Diff(want, r.Rules); diff != "" {
		t.Errorf("summaries (-want +got):\n%s", diff)
	}
	if got := r.Count(reactors.Sent); got != 5 {
		t.Errorf("%d sent, want 5", got)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := play(t, greeting, replay.Options{})
	after := strings.Replace(greeting, `Hello {{ member.name }}`, `Hello {{ member.name == 'users/2' ? 'you' : member.name }}`, 1)
	after = strings.Replace(after, "limit: {per_reactor: 2/h}", `if: member.name != "users/1"`, 1)
	var got []string
	for _, d := range replay.Diff(before, play(t, after, replay.Options{})) {
		got = append(got, fmt.Sprint(d.Kind, " ", d.Entry().Reactor, " ", d.Entry().Texts()))
	}
	want := []string{"changed hello [Hello you]", "removed welcome [Hi users/1]", "added welcome [Hi users/3]"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if same := replay.Diff(before, play(t, strings.Replace(greeting, "live", "shadow", 1), replay.Options{})); len(same) > 0 {
		t.Errorf("a mode alone makes %d differences", len(same))
	}
}

// What waits when a replay ends says what it waits for: its wait alone, or quiet
// hours after that.
func TestWhatWaitsSaysForWhat(t *testing.T) {
	t.Parallel()
	window := replay.Options{Since: monday.Add(-1), Until: monday.Add(5 * time.Minute)}
	for quiet, want := range map[string]string{
		`""`:                                    "waiting",
		`{zone: UTC, allow: "Mon 00:00-24:00"}`: "waiting",
		`{zone: UTC, allow: "Tue-Fri 09:00-17:00"}`:         "waiting, then quiet hours until 2026-01-06T09:00:00Z",
		`{zone: UTC, allow: "Tue 09:00-17:00", else: drop}`: "waiting, then it is dropped: quiet hours",
	} {
		quiet = strings.TrimPrefix(", quiet_hours: "+quiet, `, quiet_hours: ""`)
		r := playPast(t, joins{"spaces/A users/1"}, "reactors:\n  - {id: a, on: member.joined, wait: 10m"+quiet+", do: [{say: {text: Hi}}]}\n", window)
		if len(r.Entries) != 1 || r.Entries[0].Outcome != reactors.Pending || r.Entries[0].Reason != want {
			t.Errorf("%s: got %+v, want it to be %s", quiet, r.Entries, want)
		}
	}
}

// Nothing can be sent by what isn't there.
func TestKnowsNoAction(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		rest, ours := strings.CutPrefix(dep, "github.com/spacekeeper/spacekeeper/internal/")
		part, isPart := strings.CutPrefix(rest, "reactors/")
		knows := isPart && !slices.Contains([]string{"rules", "cards", "clock", "expr", "letters", "never", "params", "placeholders", "tree", "wording", "decide", "replay"}, part)
		if ours && (rest == "gchat" || rest == "store" || knows) || strings.HasPrefix(dep, "google.golang.org/api") {
			t.Errorf("replay depends on %s", dep)
		}
	}
}
