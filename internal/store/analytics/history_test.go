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
	groups := 12
	switch {
	case storetest.Full():
		groups = 200
	case storetest.RaceDetector:
		groups = 1
	}
	for n := range groups {
		t.Run(fmt.Sprint("group ", n), func(t *testing.T) {
			t.Parallel()
			now := storetest.Epoch
			env := storetest.New(t, storetest.Options{Now: func() time.Time { return now }})
			h := &histories{T: t, Env: env, Rand: rand.New(rand.NewPCG(uint64(n), 13)), now: &now}
			h.run()
		})
	}
}

// inGroup is how many histories share a database, passes and comparisons, which cost
// most: 25 take three times as long as one.
const inGroup = 25

// histories are pasts of a few spaces and users each.
type histories struct {
	*testing.T
	*storetest.Env
	*rand.Rand
	now  *time.Time
	one  int // of which history the next thing is
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

func (h *histories) run() {
	names := []string{"America/St_Johns", "Asia/Kathmandu", "Europe/Berlin", "UTC"}
	zone := names[h.IntN(len(names))]
	h.exec(`UPDATE reporting SET zone = $1`, zone)
	since := zones[zone]
	for h.one = range inGroup {
		for range 2 + h.IntN(6) {
			h.thread(since)
		}
		for range h.IntN(4) {
			h.member(since)
		}
		for n := range 2 {
			if h.IntN(3) > 0 {
				it := storetest.Renamed(fmt.Sprintf("spaces/%d-%d", h.one, n), "name", "SPACE")
				it.SpaceData.ThreadingState = [...]string{"THREADED_MESSAGES", "UNTHREADED_MESSAGES", ""}[h.IntN(3)]
				h.add(h.within(since, 30*24*time.Hour), it)
			}
		}
	}
	slices.SortFunc(h.list, func(a, b arrival) int { return a.at.Compare(b.at) })
	r := analytics.New(h.Store)
	r.Small(1+h.IntN(40*inGroup), 1+h.IntN(60*inGroup))
	*h.now = since
	for len(h.list) > 0 {
		batch := h.list[:1+h.IntN(min(8*inGroup, len(h.list)))]
		h.list = h.list[len(batch):]
		if last := batch[len(batch)-1].at; last.After(*h.now) {
			*h.now = last
		}
		deliveries := make([]events.Delivery, len(batch))
		for i := range batch {
			deliveries[i] = batch[i].Delivery
		}
		storetest.Record(h.T, h.Env, deliveries...)
		if h.IntN(9) == 0 {
			h.watch("spaces/-")
		}
		for h.one = range inGroup {
			if h.IntN(4) == 0 {
				h.watch(h.space())
			}
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
		var came []events.Delivery
		if h.IntN(2) == 0 { // and what isn't read anew waits to be added
			since = h.now.AddDate(0, 0, -3)
		}
		for h.one = range inGroup {
			at := h.now.AddDate(0, 0, -9*h.IntN(2))
			name := fmt.Sprintf("%s/messages/r%d", h.space(), h.one)
			came = append(came, h.live(at, storetest.Message(events.VerbCreated, name, h.user(), "text", at, time.Time{})))
		}
		storetest.Record(h.T, h.Env, came...)
		if err := r.Rebuild(h.Context(), since, func(int) {}); err != nil {
			h.Fatal(err)
		}
		h.pass(r)
		h.compare("after a rebuild")
	}
}

func (h *histories) exec(sql string, args ...any) {
	h.Helper()
	if _, err := h.Pool().Exec(h.Context(), sql, args...); err != nil {
		h.Fatalf("%s: %v", sql, err)
	}
}

func (h *histories) pass(r *analytics.Rollups) {
	h.Helper()
	if _, err := r.Pass(h.Context()); err != nil {
		h.Fatal(err)
	}
}

func (h *histories) space() string { return fmt.Sprintf("spaces/%d-%d", h.one, h.IntN(2)) }
func (h *histories) user() string  { return fmt.Sprintf("users/%d-%d", h.one, h.IntN(5)) }

// typed is what an event tells of a user: 0 is an app; of the last one only some
// events tell that it is a person.
func (h *histories) typed(user string) events.UserType {
	switch {
	case strings.HasSuffix(user, "-0"):
		return events.UserBot
	case strings.HasSuffix(user, "-4") && h.IntN(4) > 0:
		return ""
	}
	return events.UserHuman
}

func (h *histories) within(since time.Time, d time.Duration) time.Time {
	return since.Add(time.Duration(h.Int64N(int64(d)))).Truncate(time.Second)
}

// add has an event come: soon, late, out of order, twice, or by a backfill, which
// may come before it.
func (h *histories) add(at time.Time, it events.Item) {
	d := h.live(at, it)
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
func (h *histories) thread(since time.Time) {
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

func (h *histories) message(name string, at time.Time) {
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
func (h *histories) days(r *analytics.Rollups) {
	var names [inGroup][]string
	for range 3 {
		*h.now = h.now.Add(time.Duration([...]int{1, 6, 7, 8, 27, 28}[h.IntN(6)]) * 24 * time.Hour)
		h.pass(r)
		for range 5 {
			var came []events.Delivery
			for h.one = range inGroup {
				if h.IntN(10) > 0 {
					came = append(came, h.live(*h.now, h.today(&names[h.one])))
				}
			}
			storetest.Record(h.T, h.Env, came...)
			if h.IntN(2) == 0 {
				h.pass(r)
			}
		}
		h.pass(r)
	}
}

// today is something that happens now, often to one of the messages of that name.
func (h *histories) today(names *[]string) events.Item {
	h.n++
	space, user := h.space(), h.user()
	it := storetest.Message(events.VerbCreated, fmt.Sprintf("%s/messages/d%d.d%[2]d", space, h.n), user, "text", *h.now, time.Time{})
	it.Message.Sender.Type = h.typed(user)
	what := h.IntN(8)
	switch {
	case what == 0:
		it = storetest.Membership(events.VerbCreated, space, user, events.MembershipJoined)
		it.Membership.Member.Type = h.typed(user)
	case what == 1:
		it = storetest.Membership(events.VerbDeleted, space, user, "")
	case what == 5:
		h.exec(`
			DELETE FROM stored_messages
			WHERE create_time = (SELECT max(create_time) FROM stored_messages WHERE space_id = (SELECT id FROM spaces WHERE space = $1))`, space) // by hand
	case len(*names) == 0:
	case what < 4:
		it = storetest.Reaction(events.VerbCreated, (*names)[h.IntN(len(*names))], user, "👍")
		it.Reaction.User.Type = h.typed(user)
	case what == 4:
		it = storetest.Message(events.VerbDeleted, (*names)[h.IntN(len(*names))], "", "", *h.now, time.Time{})
	}
	if it.Kind == events.KindMessage && it.Verb == events.VerbCreated {
		*names = append(*names, it.Resource)
	}
	return it
}

// live is an event that comes at once.
func (h *histories) live(at time.Time, it events.Item) events.Delivery {
	h.n++
	d := storetest.Live(fmt.Sprint(h.n), at, it)
	d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", it.Space+"/", 1)
	return d
}

// member is somebody who comes and goes, and comes back.
func (h *histories) member(since time.Time) {
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
func (h *histories) watch(scope string) {
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

func (h *histories) compare(when string) {
	h.Helper()
	for _, d := range definition {
		want := h.rows(facts+d.sql, d.columns)
		got := h.rows(`SELECT `+d.columns+` FROM `+d.table, d.columns)
		if missing, extra := without(want, got), without(got, want); len(missing)+len(extra) > 0 {
			h.Errorf("%s: %s (%s)\nmissing:\n%s\ntoo much:\n%s", when, d.table, d.columns,
				strings.Join(missing, "\n"), strings.Join(extra, "\n"))
		}
	}
	for _, table := range []string{"rollup_changes", "rollup_marks", "rollup_days"} {
		if n := storetest.Value[int](h.T, h.Env, `SELECT count(*) FROM `+table); n > 0 {
			h.Errorf("%s: %d rows wait in %s", when, n, table)
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
func (h *histories) rows(sql, columns string) []string {
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
