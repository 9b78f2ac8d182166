package analytics_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Whatever happened, in whatever order and how often it was recorded, with passes
// in between: after the last pass each rollup says what its definition says, and
// after a rebuild, too.
func TestRollupsAreTheirDefinitions(t *testing.T) {
	t.Parallel()
	histories := 12
	switch {
	case storetest.Full():
		histories = 5000
	case storetest.RaceDetector:
		histories = 3
	}
	const databases = 3
	for n := range databases {
		t.Run(fmt.Sprint("database ", n), func(t *testing.T) {
			t.Parallel()
			now := storetest.Epoch
			env := storetest.New(t, storetest.Options{Now: func() time.Time { return now }})
			for seed := n; seed < histories; seed += databases {
				h := &history{T: t, Env: env, Rand: rand.New(rand.NewPCG(uint64(seed), 13)), now: &now, seed: seed}
				h.run()
				if t.Failed() {
					return
				}
			}
		})
	}
}

// history is one past of a few spaces.
type history struct {
	*testing.T
	*storetest.Env
	*rand.Rand
	now  *time.Time
	seed int
	n    int // events so far
	list []arrival
}

// arrival is a delivery, and when it comes.
type arrival struct {
	at time.Time
	events.Delivery
}

// The days about which things happen: clocks are changed within them.
var zones = map[string]time.Time{
	"UTC":              time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC),
	"Europe/Berlin":    time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC),
	"Asia/Kathmandu":   time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
	"America/St_Johns": time.Date(2026, 10, 15, 0, 0, 0, 0, time.UTC),
}

func (h *history) run() {
	for _, table := range []string{
		"events", "spaces", "users", "names", "stored_messages", "stored_revisions", "stored_reactions", "stored_memberships",
		"stored_membership_changes", "coverage", "rollup_changes", "rollup_marks", "rollup_days", "rollup_activity", "rollup_members",
		"rollup_hours", "rollup_summary", "rollup_stays", "rollup_emoji", "rollup_responses", "rollup_retention",
	} {
		h.exec(`DELETE FROM ` + table)
	}
	h.exec(`DELETE FROM rollup_changes`) // of what was dropped
	h.exec(`DELETE FROM rollup_marks`)
	h.exec(`UPDATE rollup_passes SET zone = NULL, turned = NULL, covered_until = NULL, rebuild_from = NULL, rebuild_until = NULL`)
	names := []string{"America/St_Johns", "Asia/Kathmandu", "Europe/Berlin", "UTC"}
	zone := names[h.IntN(len(names))]
	h.exec(`UPDATE reporting SET zone = $1`, zone)
	since := zones[zone]
	for range 2 + h.IntN(6) {
		h.thread(since)
	}
	for range h.IntN(4) {
		h.member(since)
	}
	for n := range 2 {
		if h.IntN(3) > 0 {
			it := storetest.Renamed(fmt.Sprintf("spaces/%d-%d", h.seed, n), "name", "SPACE")
			it.SpaceData.ThreadingState = [...]string{"THREADED_MESSAGES", "UNTHREADED_MESSAGES", ""}[h.IntN(3)]
			h.add(h.within(since, 30*24*time.Hour), it)
		}
	}
	slices.SortFunc(h.list, func(a, b arrival) int { return a.at.Compare(b.at) })
	r := analytics.New(h.Store)
	r.Small(1+h.IntN(40), 1+h.IntN(60))
	*h.now = since
	for len(h.list) > 0 {
		batch := h.list[:1+h.IntN(min(8, len(h.list)))]
		h.list = h.list[len(batch):]
		if last := batch[len(batch)-1].at; last.After(*h.now) {
			*h.now = last
		}
		deliveries := make([]events.Delivery, len(batch))
		for i := range batch {
			deliveries[i] = batch[i].Delivery
		}
		storetest.Record(h.T, h.Env, deliveries...)
		if h.IntN(3) == 0 {
			h.watch()
		}
		if h.IntN(3) == 0 {
			h.pass(r)
		}
		if h.IntN(40) == 0 {
			h.exec(`UPDATE reporting SET zone = $1`, names[h.IntN(len(names))])
		}
	}
	h.days(r)
	h.compare("on a day that goes on")
	*h.now = h.now.Add(time.Duration(h.IntN(20*24)) * time.Hour)
	h.pass(r)
	h.compare("after the last pass")
	if h.IntN(5) == 0 && !h.Failed() {
		var since time.Time
		if h.IntN(2) == 0 { // and what isn't read anew waits to be added
			since = h.now.AddDate(0, 0, -3)
		}
		for i, days := range []int{0, -9} {
			at := h.now.AddDate(0, 0, days)
			h.record(at, storetest.Message(events.VerbCreated, fmt.Sprintf("%s/messages/r%d", h.space(), i), h.user(), "text", at, time.Time{}))
		}
		if err := r.Rebuild(h.Context(), since, func(int) {}); err != nil {
			h.Fatal(err)
		}
		h.pass(r)
		h.compare("after a rebuild")
	}
}

func (h *history) exec(sql string, args ...any) {
	h.Helper()
	if _, err := h.Pool().Exec(h.Context(), sql, args...); err != nil {
		h.Fatalf("%s: %v", sql, err)
	}
}

func (h *history) pass(r *analytics.Rollups) {
	h.Helper()
	if _, err := r.Pass(h.Context()); err != nil {
		h.Fatalf("history %d: %v", h.seed, err)
	}
}

func (h *history) space() string { return fmt.Sprintf("spaces/%d-%d", h.seed, h.IntN(2)) }
func (h *history) user() string  { return fmt.Sprintf("users/%d-%d", h.seed, h.IntN(5)) }

// typed is what an event tells of a user: 0 is an app; of the last one only some
// events tell that it is a person.
func (h *history) typed(user string) events.UserType {
	switch {
	case strings.HasSuffix(user, "-0"):
		return events.UserBot
	case strings.HasSuffix(user, "-4") && h.IntN(4) > 0:
		return ""
	}
	return events.UserHuman
}

func (h *history) within(since time.Time, d time.Duration) time.Time {
	return since.Add(time.Duration(h.Int64N(int64(d)))).Truncate(time.Second)
}

// add has an event come: soon, late, out of order, twice, or by a backfill, which
// may come before it.
func (h *history) add(at time.Time, it events.Item) {
	h.n++
	d := storetest.Live(fmt.Sprintf("%d-%d", h.seed, h.n), at, it)
	d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", it.Space+"/", 1)
	for {
		arrives := at.Add(time.Duration(h.IntN(60)) * time.Second)
		if h.IntN(4) == 0 {
			arrives = h.within(at, 25*24*time.Hour)
		}
		copied := d
		copied.ReceivedAt = arrives
		if h.IntN(5) == 0 {
			copied = storetest.Backfilled(copied)
		}
		h.list = append(h.list, arrival{arrives, copied})
		if h.IntN(6) > 0 {
			return
		}
	}
}

// thread is a message, replies to it, and what becomes of them.
func (h *history) thread(since time.Time) {
	space := h.space()
	began := h.within(since, 30*24*time.Hour)
	key := h.n
	h.message(fmt.Sprintf("%s/messages/t%d.t%[2]d", space, key), began)
	for range h.IntN(4) {
		after := h.within(began, []time.Duration{time.Hour, 48 * time.Hour, 9 * 24 * time.Hour}[h.IntN(3)])
		if h.IntN(8) == 0 {
			after = began.Add(7 * 24 * time.Hour) // to the second
		}
		h.n++
		h.message(fmt.Sprintf("%s/messages/t%d.%d", space, key, h.n), after)
	}
	h.n++
}

func (h *history) message(name string, at time.Time) {
	sender := h.user()
	it := storetest.Message(events.VerbCreated, name, sender, "text", at, time.Time{})
	it.Message.Thread, _, _ = strings.Cut(it.Message.Thread, ".")
	it.Message.Sender.Type = h.typed(sender)
	if h.IntN(8) == 0 {
		it.Message = nil // only the name
	}
	if h.IntN(10) > 0 { // otherwise nobody saw it come
		h.add(at, it)
	}
	if h.IntN(4) == 0 {
		edited := h.within(at, 5*24*time.Hour)
		it := storetest.Message(events.VerbUpdated, name, sender, "edited", at, edited)
		it.Message.Thread, _, _ = strings.Cut(it.Message.Thread, ".")
		it.Message.Sender.Type = h.typed(sender)
		h.add(edited, it)
	}
	if h.IntN(5) == 0 {
		h.add(h.within(at, 10*24*time.Hour), storetest.Message(events.VerbDeleted, name, "", "", at, time.Time{}))
	}
	for range h.IntN(3) {
		user := h.user()
		emoji := [...]string{"👍", "👍🏽", "❤️", "❤"}[h.IntN(4)]
		when := h.within(at, []time.Duration{time.Hour, 10 * 24 * time.Hour}[h.IntN(2)])
		for i := range 1 + h.IntN(3) {
			it := storetest.Reaction([]events.Verb{events.VerbCreated, events.VerbDeleted}[i%2], name, user, emoji)
			it.Reaction.User.Type = h.typed(user)
			if h.IntN(8) == 0 {
				it.Reaction = nil
			}
			h.add(when, it)
			when = h.within(when, 3*24*time.Hour)
		}
	}
}

// days go by, as far apart as people are counted, with passes while they go on.
func (h *history) days(r *analytics.Rollups) {
	var names []string
	for range 3 {
		*h.now = h.now.Add(time.Duration([...]int{1, 6, 7, 8, 27, 28}[h.IntN(6)]) * 24 * time.Hour)
		h.pass(r)
		for range 2 + h.IntN(6) {
			h.n++
			at := *h.now
			space, user := h.space(), h.user()
			it := storetest.Message(events.VerbCreated, fmt.Sprintf("%s/messages/d%d.d%[2]d", space, h.n), user, "text", at, time.Time{})
			it.Message.Sender.Type = h.typed(user)
			switch h.IntN(8) {
			case 0:
				it = storetest.Membership(events.VerbCreated, space, user, events.MembershipJoined)
				it.Membership.Member.Type = h.typed(user)
			case 1:
				it = storetest.Membership(events.VerbDeleted, space, user, "")
			case 2, 3:
				if len(names) > 0 {
					it = storetest.Reaction(events.VerbCreated, names[h.IntN(len(names))], user, "👍")
					it.Reaction.User.Type = h.typed(user)
				}
			case 4:
				if len(names) > 0 {
					it = storetest.Message(events.VerbDeleted, names[h.IntN(len(names))], "", "", at, time.Time{})
				}
			case 5:
				h.exec(`DELETE FROM stored_messages WHERE create_time = (SELECT max(create_time) FROM stored_messages)`) // by hand
			}
			if it.Kind == events.KindMessage && it.Verb == events.VerbCreated {
				names = append(names, it.Resource)
			}
			h.record(at, it)
			if h.IntN(2) == 0 {
				h.pass(r)
			}
		}
		h.pass(r)
	}
}

// record has an event come at once.
func (h *history) record(at time.Time, it events.Item) {
	h.Helper()
	h.n++
	d := storetest.Live(fmt.Sprintf("%d-%d", h.seed, h.n), at, it)
	d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", it.Space+"/", 1)
	storetest.Record(h.T, h.Env, d)
}

// member is somebody who comes and goes, and comes back.
func (h *history) member(since time.Time) {
	space, user := h.space(), h.user()
	at := since
	for i := range 1 + h.IntN(4) {
		at = h.within(at, 15*24*time.Hour)
		it := storetest.Membership(events.VerbCreated, space, user, events.MembershipJoined)
		switch {
		case i%2 == 1:
			it = storetest.Membership(events.VerbDeleted, space, user, "")
		case h.IntN(5) == 0:
			it = storetest.Membership(events.VerbUpdated, space, user, events.MembershipJoined)
		}
		if it.Membership.Member.Type != "" {
			it.Membership.Member.Type = h.typed(user)
		}
		if h.IntN(10) > 0 {
			h.add(at, it)
		}
	}
	if h.IntN(15) == 0 {
		h.add(h.within(at, 5*24*time.Hour), events.Item{Kind: events.KindSpace, Verb: events.VerbDeleted, Resource: space, Space: space})
	}
}

// watch adds to the coverage of a space, or of all, or changes it, at whole hours.
func (h *history) watch() {
	scope := [...]string{h.space(), h.space(), "spaces/-"}[h.IntN(3)]
	hour := h.now.Truncate(time.Hour)
	switch h.IntN(4) {
	case 0:
		h.exec(`UPDATE coverage SET source = 'backfill', repair = NULL WHERE scope = $1 AND source = 'gap'`, scope)
	default:
		source := [...]string{"live", "gap"}[h.IntN(2)]
		h.exec(`
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
			SELECT $1, begun, $2, $3, CASE $3 WHEN 'gap' THEN 'missing' END, CASE $3 WHEN 'gap' THEN 'pending' END
			FROM (SELECT COALESCE(max(to_time), $2::timestamptz - interval '30 hours') AS begun FROM coverage WHERE scope = $1) c
			WHERE begun < $2`, scope, hour, source)
	}
}

func (h *history) compare(when string) {
	h.Helper()
	for _, d := range definition {
		want := h.rows(facts+d.sql, d.columns)
		got := h.rows(`SELECT `+d.columns+` FROM `+d.table, d.columns)
		if missing, extra := without(want, got), without(got, want); len(missing)+len(extra) > 0 {
			h.Errorf("history %d, %s: %s (%s)\nmissing:\n%s\ntoo much:\n%s", h.seed, when, d.table, d.columns,
				strings.Join(missing, "\n"), strings.Join(extra, "\n"))
		}
	}
	for _, table := range []string{"rollup_changes", "rollup_marks", "rollup_days"} {
		if n := storetest.Value[int](h.T, h.Env, `SELECT count(*) FROM `+table); n > 0 {
			h.Errorf("history %d, %s: %d rows wait in %s", h.seed, when, n, table)
		}
	}
}

// without returns those of a that are not in b. No row of a rollup is there twice.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool {
		_, found := slices.BinarySearch(b, x)
		return found
	})
}

// rows are those of a query as text, in order.
func (h *history) rows(sql, columns string) []string {
	h.Helper()
	rows, _ := h.Pool().Query(h.Context(), `SELECT x::text FROM (`+sql+`) x ORDER BY x::text COLLATE "C"`, pgx.NamedArgs{
		"today": h.now.UTC().Format(time.RFC3339),
	})
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		h.Fatalf("%s: %v", columns, err)
	}
	return list
}
