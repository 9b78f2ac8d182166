package eventlog_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// want is the model: it plays the history in order.
func want(list []events.Delivery) (state []string) {
	type text struct{ at, text string }
	var versions []text
	var current, joinedAt string
	var mentioned []events.Mention
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
				current, mentioned = "deleted "+now, nil
			case it.Message != nil:
				current, mentioned = it.Message.Text, it.Message.Mentions
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
	for _, m := range mentioned {
		state = append(state, fmt.Sprintf("mention of %s, added %t", m.User, m.Added))
	}
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
		SELECT format('mention of %s, added %s', member_id, (mention_type = 'add')::text) FROM analytics.fct_mentions WHERE space_id = $1
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
	histories := 4 // for each of rapid's 100 checks
	if storetest.Full() {
		histories = 100
	}
	rapid.Check(t, func(r *rapid.T) {
		var all []events.Delivery
		wants := map[string][]string{}
		for range histories {
			rounds++
			space := fmt.Sprint("spaces/h", rounds)
			h := storetest.Past(r, space)
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
