package past_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/past"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

var end = time.Date(2026, 4, 15, 13, 20, 0, 0, time.UTC) // a Wednesday

// madeUp is a past of so many days, and the Workspace that it leads to.
func madeUp(t *testing.T, seed uint64, days int, zone *time.Location) (*simulate.Workspace, *past.Past, []events.Delivery) {
	t.Helper()
	w, err := simulate.Start(t.Context(), simulate.Options{
		Seed: seed, Spaces: 5, Users: 40, Flat: 1, NoListen: true, Publisher: simulatetest.Deaf{}, Now: simulatetest.NewClock(end).Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := past.New(w, past.Options{Seed: seed, From: end.AddDate(0, 0, -days), To: end, Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	var list []events.Delivery
	for until, day := range p.Days() {
		for _, d := range day {
			if !d.ReceivedAt.Before(until) {
				t.Errorf("a delivery of %s has arrived by %s", d.ReceivedAt, until)
			}
			var bad *events.Malformed
			if d.Event, bad = events.Decode(d.Attributes, d.Data); bad != nil {
				t.Fatalf("%s: %v", d.Data, bad)
			}
			list = append(list, d)
		}
	}
	if !slices.IsSortedFunc(list, func(x, y events.Delivery) int { return x.ReceivedAt.Compare(y.ReceivedAt) }) {
		t.Error("deliveries aren't in the order of arrival")
	}
	return w, p, list
}

func TestSameSeedSamePast(t *testing.T) {
	t.Parallel()
	_, _, first := madeUp(t, 1, 14, time.UTC)
	_, _, again := madeUp(t, 1, 14, time.UTC)
	_, _, other := madeUp(t, 2, 14, time.UTC)
	same := func(x, y events.Delivery) bool { return cmp.Equal(x, y) }
	if !slices.EqualFunc(first, again, same) {
		t.Error("the same seed makes another past")
	}
	if slices.EqualFunc(first, other, same) {
		t.Error("another seed makes the same past")
	}
}

// A past holds all that analysts ask for.
func TestWhatAPastHolds(t *testing.T) {
	t.Parallel()
	w, _, list := madeUp(t, 1, 90, time.UTC)
	got := map[string]int{}
	titles := map[string]bool{}
	ids := map[string]bool{}
	first := map[string]time.Time{} // by thread: of the root, then of the first answer
	for _, d := range list {
		if d.Event.Time.Before(end.AddDate(0, 0, -90)) || !d.Event.Time.Before(end) || d.Event.Time.After(d.ReceivedAt) {
			t.Errorf("an event of %s came at %s", d.Event.Time, d.ReceivedAt)
		}
		if ids[d.Event.ID] {
			got["duplicate"]++
			continue
		}
		ids[d.Event.ID] = true
		if d.ReceivedAt.Sub(d.Event.Time) > time.Hour {
			got["late"]++
		}
		got[string(d.Origin)]++
		for _, it := range d.Event.Items {
			got[fmt.Sprint(it.Kind, " ", it.Verb)]++
			switch {
			case it.Message != nil:
				m := it.Message
				got["deleted as "+m.DeletionType]++
				got["by a "+string(m.Sender.Type)]++
				for what, is := range map[string]bool{
					"mention": strings.Contains(string(d.Data), `"USER_MENTION"`), "attachment": m.AttachmentCount > 0, "quote": m.Quoted != "",
				} {
					if is {
						got[what]++
					}
				}
				if it.Verb != events.VerbCreated {
					break
				}
				if root, answered := first[m.Thread]; m.ThreadReply && answered && !root.IsZero() {
					first[m.Thread] = time.Time{}
					got["answer within "+within(m.CreateTime.Sub(root))]++
				} else if !m.ThreadReply {
					first[m.Thread] = m.CreateTime
				}
			case it.Reaction != nil:
				got["emoji "+it.Reaction.Emoji()]++
			case it.SpaceData != nil:
				titles[it.SpaceData.DisplayName] = true
				got[it.SpaceData.ThreadingState]++
			}
		}
		if d.Event.Batch {
			got["batch"]++
		}
	}
	for _, root := range first {
		if !root.IsZero() {
			got["no answer"]++
		}
	}
	for _, want := range []string{
		"message created", "message updated", "message deleted", "reaction created", "reaction deleted",
		"membership created", "membership updated", "membership deleted", "space updated", "duplicate", "late", "live", "backfill", "batch",
		"by a HUMAN", "by a BOT", "mention", "attachment", "quote", "no answer", "answer within an hour", "answer within a day", "answer within days",
		"deleted as CREATOR", "deleted as SPACE_OWNER", "deleted as ADMIN", "deleted as APP_MESSAGE_EXPIRY", "deleted as CREATOR_VIA_APP",
		"deleted as SPACE_OWNER_VIA_APP", "deleted as SPACE_MEMBER", "THREADED_MESSAGES", "UNTHREADED_MESSAGES",
		"emoji 👍", "emoji 👍🏽", "emoji :party-parrot:",
	} {
		if got[want] == 0 {
			t.Errorf("there is no %s", want)
		}
	}
	for _, s := range w.Spaces() {
		if !titles[s.DisplayName] {
			t.Errorf("nothing tells that a space is called %q", s.DisplayName)
		}
	}
	if len(titles) != len(w.Spaces())+1 {
		t.Errorf("titles: got %q, want that of each space and a former one", slices.Sorted(maps.Keys(titles)))
	}
}

func within(d time.Duration) string {
	switch {
	case d < time.Hour:
		return "an hour"
	case d < 24*time.Hour:
		return "a day"
	}
	return "days"
}

// People work in their zone's office hours, rest at weekends and on two holidays, and
// have a launch. A space falls silent.
func TestRhythm(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Asia/Kathmandu") // 5:45 ahead
	if err != nil {
		t.Fatal(err)
	}
	w, _, list := madeUp(t, 3, 90, zone)
	silent := w.Spaces()[3].Name
	days, weeks, silence := map[string]int{}, map[int]int{}, time.Time{}
	weekday, weekend, office, all := 0, 0, 0, 0
	for _, d := range list {
		it := &d.Event.Items[0]
		if it.Message == nil || it.Verb != events.VerbCreated || it.Message.Sender.Type != events.UserHuman {
			continue
		}
		at := d.Event.Time.In(zone)
		if it.Space == silent && at.After(silence) {
			silence = at
		}
		all++
		if at.Hour() >= 7 && at.Hour() < 20 {
			office++
		}
		_, week := at.ISOWeek()
		weeks[week]++
		if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			weekend++
			continue
		}
		weekday++
		days[at.Format(time.DateOnly)]++
	}
	// 90 days have 13 weekends.
	if perDay, perWorkday := float64(weekend)/26, float64(weekday)/64; perDay > perWorkday/5 {
		t.Errorf("messages a day: %.0f at weekends, %.0f on other days", perDay, perWorkday)
	}
	if office < all*8/10 {
		t.Errorf("%d of %d messages are of working hours", office, all)
	}
	holidays := 0
	for _, n := range days {
		if n < weekday/64/5 {
			holidays++
		}
	}
	if holidays < 2 || holidays > 3 { // the first day begins at noon
		t.Errorf("%d days of the week are quiet, want two holidays", holidays)
	}
	counts := slices.Sorted(maps.Values(weeks))
	if n := len(counts); counts[n-1] < 2*counts[n-2] {
		t.Errorf("messages by week: %v, want a launch with twice as many as in any other", counts)
	}
	if quiet := end.Sub(silence); quiet < 28*24*time.Hour {
		t.Errorf("a space has been silent for %s only", quiet)
	}
}

// Nothing is told of a loss, unless it was fetched; all else came live.
func TestLosses(t *testing.T) {
	t.Parallel()
	_, p, list := madeUp(t, 1, 28, time.UTC)
	losses := p.Losses()
	lost := slices.DeleteFunc(slices.Clone(losses), func(l past.Loss) bool { return l.Fetched })
	if len(lost) != 1 || lost[0].To.Sub(lost[0].From) != 48*time.Hour || len(losses) != 6 {
		t.Fatalf("losses: got %v, want one of two days for good, and one of each space that was fetched", losses)
	}
	for _, d := range list {
		origin, received := events.OriginLive, d.Event.Time
		for _, l := range losses {
			if d.Event.Items[0].Space != l.Space || d.Event.Time.Before(l.From) || !d.Event.Time.Before(l.To) {
				continue
			}
			if !l.Fetched {
				t.Errorf("an event of %s was lost, and is told of", d.Event.Time)
			}
			origin, received = events.OriginBackfill, l.To
		}
		if d.Origin != origin || d.ReceivedAt.Before(received) || d.PublishTime.IsZero() != (origin == events.OriginBackfill) {
			t.Errorf("an event of %s is %s, received %s", d.Event.Time, d.Origin, d.ReceivedAt)
		}
	}
}

// Who was in a space last is in it now, and nobody writes who isn't there.
func TestThePastLeadsToThePresent(t *testing.T) {
	t.Parallel()
	w, p, list := madeUp(t, 1, 60, time.UTC)
	users := func(space string, at time.Time) (names []string) {
		for _, m := range p.Members(space, at) {
			names = append(names, m.User)
		}
		return slices.Sorted(slices.Values(names))
	}
	external, managers, changed := 0, 0, 0
	for _, s := range p.Spaces() {
		now := slices.DeleteFunc(w.Members(s.Name), func(user string) bool { return user == w.App() })
		if diff := cmp.Diff(now, users(s.Name, end)); diff != "" {
			t.Errorf("members of %s (-Workspace +past):\n%s", s.Name, diff)
		}
		if !slices.Equal(now, users(s.Name, end.AddDate(0, 0, -60))) {
			changed++
		}
		for _, m := range p.Members(s.Name, end) {
			if m.Affiliation == "EXTERNAL" {
				external++
			}
			if m.Role == "ROLE_MANAGER" {
				managers++
			}
		}
	}
	if external == 0 || managers == 0 || changed != len(p.Spaces()) {
		t.Errorf("%d external members, %d managers, %d spaces in which somebody came or left", external, managers, changed)
	}
	back := map[string]int{} // how often somebody who left has joined
	for _, d := range list {
		it := &d.Event.Items[0]
		switch {
		case it.Membership != nil && it.Verb == events.VerbDeleted:
			back[it.Resource] = 1
		case it.Membership != nil && it.Verb == events.VerbCreated && back[it.Resource] == 1:
			back[it.Resource] = 2
		case it.Message != nil && it.Message.Sender.Type == events.UserHuman && it.Verb == events.VerbCreated:
			if !slices.Contains(users(it.Space, d.Event.Time), it.Actor) {
				t.Errorf("%s wrote in %s at %s and wasn't in it", it.Actor, it.Space, d.Event.Time)
			}
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(back)), 2) {
		t.Error("nobody came back")
	}
}
