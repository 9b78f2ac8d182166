package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// history draws what happens to one message, one reaction and one member of
// the space s, in the order in which it happens.
func history(r *rapid.T, space string) []events.Delivery {
	var list []events.Delivery
	add := func(t time.Time, it events.Item) {
		d := live(fmt.Sprintf("%s-%d", strings.TrimPrefix(space, "spaces/"), len(list)), t, it)
		d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", space+"/", 1)
		list = append(list, d)
	}
	msg, user := space+"/messages/m", "users/"+strings.TrimPrefix(space, "spaces/")
	sec := 0
	tick := func() time.Time {
		sec += rapid.IntRange(1, 3).Draw(r, "seconds")
		return at(sec)
	}
	for i := range rapid.IntRange(0, 3).Draw(r, "renamings") {
		add(tick(), renamed(space, fmt.Sprint("name", i), "SPACE"))
	}
	created := tick()
	add(created, message(events.VerbCreated, msg, user, "v0", created, time.Time{}))
	for i := range rapid.IntRange(0, 3).Draw(r, "edits") {
		t := tick()
		it := message(events.VerbUpdated, msg, user, fmt.Sprint("v", i+1), created, t)
		if rapid.Bool().Draw(r, "names only") {
			it.Message = nil
		}
		add(t, it)
	}
	if rapid.Bool().Draw(r, "deleted") {
		add(tick(), message(events.VerbDeleted, msg, "", "", created, time.Time{}))
	}
	for i := range rapid.IntRange(0, 4).Draw(r, "reactions") {
		verb := []events.Verb{events.VerbCreated, events.VerbDeleted}[i%2]
		add(tick(), reaction(verb, msg, user, "👍"))
	}
	for range rapid.IntRange(0, 4).Draw(r, "memberships") {
		verb := rapid.SampledFrom([]events.Verb{events.VerbCreated, events.VerbUpdated, events.VerbDeleted}).Draw(r, "verb")
		state := rapid.SampledFrom([]events.MembershipState{"JOINED", "INVITED"}).Draw(r, "state")
		add(tick(), membership(verb, space, user, state))
		if rapid.Bool().Draw(r, "at once") && verb == events.VerbCreated {
			add(at(sec), membership(events.VerbUpdated, space, user, state))
		}
	}
	if rapid.Bool().Draw(r, "space deleted") {
		add(tick(), events.Item{Kind: events.KindSpace, Verb: events.VerbDeleted, Resource: space, Space: space})
	}
	return list
}

func renamed(space, name, typ string) events.Item {
	return events.Item{
		Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: space, Space: space,
		SpaceData: &events.Space{Name: space, DisplayName: name, SpaceType: typ},
	}
}

// want is the model: it plays the history in order.
func want(list []events.Delivery) (state []string) {
	type text struct{ at, text string }
	var versions []text
	var current, joinedAt string
	var present, inside, seen bool
	var added, removed string
	var intervals []string
	memberState, spaceName, spaceDeleted := "none", "", ""
	for _, d := range list {
		it := d.Event.Items[0]
		now := fmt.Sprint(int(d.Event.Time.Sub(epoch).Seconds()))
		switch it.Kind {
		case events.KindMessage:
			switch {
			case it.Verb == events.VerbDeleted:
				current = "deleted " + now
			case it.Message != nil:
				current = it.Message.Text
				versions = append(versions, text{now, it.Message.Text})
			}
		case events.KindReaction:
			if present = it.Verb == events.VerbCreated; present {
				added = now
			} else {
				removed = now
			}
		case events.KindSpace:
			if it.SpaceData != nil {
				spaceName = it.SpaceData.DisplayName
				break
			}
			spaceDeleted = now
			if seen {
				memberState = "NOT_A_MEMBER"
			}
			if inside {
				intervals = append(intervals, joinedAt+"-"+now)
				inside = false
			}
		case events.KindMembership:
			memberState = string(it.Membership.State)
			joined := memberState == "JOINED"
			switch {
			case joined && !inside:
				joinedAt = now
				if !seen && it.Verb == events.VerbUpdated {
					joinedAt = ""
				}
			case !joined && inside:
				intervals = append(intervals, joinedAt+"-"+now)
			case !joined && !seen && it.Verb == events.VerbDeleted:
				intervals = append(intervals, "-"+now)
			}
			inside, seen = joined, true
		}
	}
	if inside {
		intervals = append(intervals, joinedAt+"-")
	}
	state = append(state, "message "+current, "space "+spaceName+" "+spaceDeleted)
	for _, v := range versions {
		state = append(state, "version "+v.at+" "+v.text)
	}
	if added != "" || removed != "" {
		state = append(state, fmt.Sprintf("reaction %v %s %s", present, added, removed))
	}
	if seen {
		state = append(state, "member "+memberState)
	}
	slices.SortFunc(intervals, func(x, y string) int { return cmp.Compare(len(x), len(y)) })
	for _, i := range intervals {
		state = append(state, "interval "+i)
	}
	slices.Sort(state)
	return state
}

// got reads what the database holds of one space, in the model's words.
func got(t testing.TB, s *storetest.Env, space string) []string {
	t.Helper()
	const seconds = `extract(epoch FROM %s - $2::timestamptz)::int::text`
	sec := func(column string) string { return fmt.Sprintf(seconds, column) }
	state := column(t, s, `
		SELECT format('space %s %s', display_name, `+sec("deleted_at")+`) FROM spaces WHERE space = $1
		UNION ALL
		SELECT 'message ' || COALESCE(text, 'deleted ' || `+sec("deleted_at")+`) FROM messages WHERE space = $1
		UNION ALL
		SELECT 'version ' || `+sec("version_time")+` || ' ' || text FROM message_history WHERE message LIKE $1 || '/%'
		UNION ALL
		SELECT format('reaction %s %s %s', CASE WHEN present THEN 'true' ELSE 'false' END, `+sec("added_at")+`, `+sec("removed_at")+`) FROM reactions WHERE reaction LIKE $1 || '/%'
		UNION ALL
		SELECT 'member ' || state FROM memberships WHERE space = $1
		UNION ALL
		SELECT format('interval %s-%s', `+sec("joined_at")+`, `+sec("left_at")+`) FROM membership_intervals WHERE space = $1`,
		space, epoch)
	slices.Sort(state)
	return state
}

// Row D8: whatever order a history arrives in, in whatever batches, with
// whatever redeliveries, the projections are those of the true order.
func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: clock})
	rounds := 0
	histories := 20 // for each of rapid's 100 checks
	if storetest.Full() {
		histories = 100
	}
	rapid.Check(t, func(r *rapid.T) {
		var all []events.Delivery
		wants := map[string][]string{}
		for range histories {
			rounds++
			space := fmt.Sprint("spaces/h", rounds)
			h := history(r, space)
			wants[space] = want(h)
			all = append(all, h...)
			all = append(all, h[rapid.IntRange(0, len(h)-1).Draw(r, "redelivered")])
		}
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "order of arrival"), 0))
		shuffle.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for len(all) > 0 {
			n := min(len(all), rapid.IntRange(1, 60).Draw(r, "batch"))
			if _, err := env.Record(t.Context(), all[:n]); err != nil {
				r.Fatalf("Record: %v", err)
			}
			all = all[n:]
		}
		for space, want := range wants {
			if diff := gocmp.Diff(want, got(t, env, space)); diff != "" {
				r.Fatalf("%s (-want +got):\n%s", space, diff)
			}
		}
	})
}
