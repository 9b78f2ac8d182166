package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/past"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// minHistory has room for all that a past tells of.
const minHistory, maxHistory = 7 * 24 * time.Hour, 366 * 24 * time.Hour

// history records the past of a Workspace as a worker would have done at the
// time. No rule of the demo is asked about it.
type history struct {
	past     *past.Past
	names    func(user string) simulate.Person
	db       *store.Store
	log      *eventlog.Log
	rule     greetings
	coverage *coverage.Coverage
	topic    string
	from, to time.Time
	now      time.Time // by the clock of the past
	recorded int
	fetched  map[string]int // events that were backfilled, by space
}

var errNotEmpty = errors.New("the database holds a demo, and what is older can't be added to it: give --history an empty folder")

// recordHistory makes up what happened in a Workspace until a time, and records it. It
// returns how many events there were.
func recordHistory(
	ctx context.Context, ws *simulate.Workspace, o Options, cfg config.Config, to time.Time, log *zap.Logger,
) (recorded int, err error) {
	zone, err := time.LoadLocation(cfg.Analytics.Zone)
	if err != nil {
		return 0, fmt.Errorf("record the past: %w", err)
	}
	to = store.Microseconds(to)
	from := to.Add(-o.History)
	h := &history{names: ws.Person, topic: cfg.TopicName(), from: from, now: from, to: to, fetched: map[string]int{}}
	if h.past, err = past.New(ws, past.Options{Seed: o.Seed, From: h.from, To: h.to, Zone: zone}); err != nil {
		return 0, err
	}
	h.db, err = store.Open(ctx, cfg.Database.DSN, store.Options{Now: func() time.Time { return h.now }, Log: log, Timeout: time.Minute})
	if err != nil {
		return 0, err
	}
	defer h.db.Close()
	h.rule = greetings{since: h.from.Add(o.History / 4), runs: runs.New(h.db), rng: rand.New(rand.NewPCG(o.Seed, 0x9ee7))}
	if h.log, err = eventlog.New(h.db, &h.rule, h.rule.runs); err != nil {
		return 0, err
	}
	h.coverage = coverage.New(h.db)
	for _, do := range []func(context.Context) error{h.watch, h.record, h.settle, h.analyze} {
		if err := do(ctx); err != nil {
			return 0, fmt.Errorf("record the past: %w", err)
		}
	}
	return h.recorded, nil
}

// watch tells the coverage what the keeper would have seen: the subscriptions, and
// what became of them where events were lost. They are gone when the past ends: the demo makes
// its own.
func (h *history) watch(ctx context.Context) error {
	switch last, err := h.coverage.LastPass(ctx); {
	case err != nil:
		return err
	case !last.IsZero():
		return errNotEmpty
	}
	updated := map[string]time.Time{} // by space
	pass := func(at time.Time, suspended map[string]bool) error {
		var states []coverage.SubscriptionState
		for _, s := range h.past.Spaces() {
			n := coverage.SubscriptionState{
				Target: "//chat.googleapis.com/" + s.Name, Scope: s.Name, Name: s.Subscription, UID: s.Subscription, Topic: h.topic,
				State: "ACTIVE", Managed: true, IncludeResource: true,
				CreateTime: h.from, UpdateTime: h.from, ExpireTime: h.to, ObservedAt: at,
			}
			if t := updated[s.Name]; !t.IsZero() {
				n.UpdateTime = t
			}
			if suspended[s.Name] {
				n.State, n.Reason = "SUSPENDED", "ENDPOINT_PERMISSION_DENIED"
			}
			states = append(states, n)
		}
		return h.coverage.Observe(ctx, at, states)
	}
	if err := pass(h.from, nil); err != nil {
		return err
	}
	losses := h.past.Losses()
	for len(losses) > 0 {
		from, to, lost := losses[0].From, losses[0].To, map[string]bool{}
		for ; len(losses) > 0 && losses[0].From.Equal(from); losses = losses[1:] {
			lost[losses[0].Space] = true
		}
		// The keeper is sure of the time until the pass before.
		if err := pass(from, nil); err != nil {
			return err
		}
		if err := pass(from.Add(time.Minute), lost); err != nil {
			return err
		}
		for space := range lost {
			updated[space] = to
		}
		if err := pass(to.Add(time.Minute), nil); err != nil {
			return err
		}
	}
	if err := pass(h.to, nil); err != nil {
		return err
	}
	return h.coverage.Observe(ctx, h.to.Add(time.Microsecond), nil)
}

// record records the events day by day, and has members listed once a week.
func (h *history) record(ctx context.Context) error {
	var titles []names.Space
	for _, s := range h.past.Spaces() {
		titles = append(titles, names.Space{Name: s.Name, DisplayName: s.First, Type: "SPACE"})
	}
	if err := h.list(ctx, h.from); err != nil {
		return err
	}
	if _, err := names.Listed(ctx, h.db, h.from, titles); err != nil {
		return err
	}
	for end, deliveries := range h.past.Days() {
		h.now = end
		for i := range deliveries {
			d := &deliveries[i]
			d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
		}
		outcomes, err := h.log.Record(ctx, deliveries)
		if err != nil {
			return err
		}
		for i, o := range outcomes {
			if o == events.Recorded {
				h.recorded++
				if d := deliveries[i]; d.Origin == events.OriginBackfill {
					h.fetched[d.Event.Items[0].Space]++
				}
			}
		}
		if err := h.rule.finish(ctx, &h.now); err != nil {
			return err
		}
		if end.Weekday() == time.Monday || end.Equal(h.to) {
			if err := h.list(ctx, end); err != nil {
				return err
			}
		}
	}
	return nil
}

// list records who is in each space at a time.
func (h *history) list(ctx context.Context, at time.Time) error {
	for _, s := range h.past.Spaces() {
		l := memberships.Listing{Space: s.Name, AsOf: at}
		for _, m := range h.past.Members(s.Name, at) {
			l.Members = append(l.Members, memberships.Member{
				Membership: events.MemberName(s.Name, m.User), Name: m.User, Type: events.UserHuman,
				DisplayName: h.names(m.User).DisplayName, State: events.MembershipJoined, Role: m.Role, Affiliation: m.Affiliation,
			})
		}
		var err error
		if l.Left, err = h.log.Absent(ctx, l); err != nil {
			return err
		}
		if _, err := h.log.Reconcile(ctx, l); err != nil {
			return err
		}
		if err := h.coverage.MembersListed(ctx, s.Name, at); err != nil {
			return err
		}
	}
	return nil
}

// settle says of each gap what became of it: its events were fetched, or a person
// knows that nobody can.
func (h *history) settle(ctx context.Context) error {
	gaps, err := h.coverage.Gaps(ctx)
	if err != nil {
		return err
	}
	fetched := map[string]time.Time{} // when the loss that was repaired began, by space
	for _, l := range h.past.Losses() {
		if l.Fetched {
			fetched[l.Space] = l.From
		}
	}
	for _, g := range gaps {
		if g.From.Equal(fetched[g.Scope]) {
			err = h.coverage.GapRepaired(ctx, g.ID, g.From, h.fetched[g.Scope])
		} else {
			err = h.coverage.GapImpossible(ctx, g.ID, "the scopes chat.app.* weren't approved in time")
			if err == nil {
				err = h.coverage.AcknowledgeGap(ctx, g.ID, "nobody had approved what the app may read")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// analyze lets the planner know at once what autovacuum would tell it in a minute.
func (h *history) analyze(ctx context.Context) error {
	_, err := h.db.Exec(ctx, `ANALYZE`)
	return err
}
