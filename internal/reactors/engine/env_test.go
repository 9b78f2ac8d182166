package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// say is an action that writes to a space which is no further away than this
// process. Like Google's it suppresses repetitions.
type say struct {
	before func(ctx context.Context, s said) error // called by Act, if set; an error is an attempt without effect
	names  bool                                    // requests name their messages, which can be looked up
	quota  reactors.Quota                          // that requests count towards; then they write no message

	mu      sync.Mutex
	effects []said
	calls   int
}

type sayParams struct {
	Text reactors.ChatText `yaml:"text"`
	To   string            `yaml:"to"` // another space than the trigger's
}

func (*say) ActsIn(params any) string { return params.(*sayParams).To }

// said is a message, and its stored request.
type said struct {
	Key    string `json:"key"`
	Space  string `json:"space"`
	Member string `json:"member"`
	Text   string `json:"text"`
}

func (*say) Name() string                    { return "say" }
func (*say) Params() any                     { return &sayParams{} }
func (*say) Kind() reactors.Kind             { return reactors.Acts }
func (*say) Check(any) []reactors.ParamError { return nil }

func (a *say) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	to := cmp.Or(params.(*sayParams).To, c.Run.Space)
	p, err := c.Encode(said{c.IDs.Message(c.Label), to, c.Run.Member, params.(*sayParams).Text.Value}, "a message")
	p.Write = &reactors.Write{Space: to}
	if a.quota != "" {
		p.Write, p.Quota, p.To = nil, a.quota, to
	}
	if a.names {
		p.Write.MessageIDs = []string{c.IDs.Message(c.Label)}
	}
	return p, err
}

func (*say) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }

func (a *say) Act(ctx context.Context, request json.RawMessage) (reactors.Result, error) {
	var s said
	if err := json.Unmarshal(request, &s); err != nil {
		return reactors.Result{}, reactors.Permanent(errors.New("read the stored request: it isn't one of this action"))
	}
	a.mu.Lock()
	a.calls++
	a.mu.Unlock()
	if a.before != nil {
		if err := a.before(ctx, s); err != nil {
			return reactors.Result{}, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.ContainsFunc(a.effects, func(other said) bool { return other.Key == s.Key }) {
		a.effects = append(a.effects, s)
	}
	return reactors.Result{Message: s.Space + "/messages/" + s.Key}, nil
}

// texts lists what was said, in order.
func (a *say) texts() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]string, len(a.effects))
	for i, s := range a.effects {
		list[i] = s.Text
	}
	return list
}

// env is a database, rules, a clock, and what the rules have said so far.
type env struct {
	t       *testing.T
	store   *storetest.Env
	dsn     string
	ruleSet *engine.RuleSet
	planner planner
	action  *say
	*engine.Dispatcher

	mu  sync.Mutex
	now time.Time
	n   int // of events
}

// start is when tests begin: a Monday.
var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

const space = "spaces/S"

func newEnv(t *testing.T, text string) *env {
	t.Helper()
	s := &env{t: t, now: start, action: &say{}}
	s.ruleSet = engine.NewRuleSet(s.rules(text))
	s.planner.Store(s.ruleSet)
	db := storetest.New(t, storetest.Options{Planner: &s.planner, Now: s.clock, MaxConns: 12})
	s.store, s.dsn = db, db.DSN
	s.Dispatcher = s.newDispatcher()
	return s
}

// newDispatcher is what a worker has after a restart.
func (s *env) newDispatcher() *engine.Dispatcher {
	return engine.NewDispatcher(s.ruleSet, []reactors.Action{s.action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{
		WriteInterval: time.Microsecond, Now: s.clock,
	})
}

func (s *env) rules(text string) *rules.Set {
	s.t.Helper()
	set, err := rules.Parse("reactors.yaml", []byte(text), rules.Options{Actions: []reactors.Action{s.action}})
	if err != nil {
		s.t.Fatal(err)
	}
	return set
}

// use puts other rules into force, for runs that there are.
func (s *env) use(text string) {
	s.t.Helper()
	s.ruleSet = engine.NewRuleSet(s.rules(text))
	s.Dispatcher = s.newDispatcher()
}

// useToo does so for new events, too.
func (s *env) useToo(text string) {
	s.t.Helper()
	s.use(text)
	s.planner.Store(s.ruleSet)
}

// planner is the rules in force for what is recorded.
type planner struct{ atomic.Pointer[engine.RuleSet] }

func (p *planner) Plan(c reactors.Change) reactors.Plan { return p.Load().Plan(c) }

func (s *env) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *env) wait(d time.Duration) { s.setClock(s.clock().Add(d)) }

func (s *env) setClock(to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = to
}

func (s *env) record(items ...events.Item) {
	s.t.Helper()
	now := s.clock()
	var list []events.Delivery
	for _, it := range items {
		s.n++
		list = append(list, delivery(s.n, now, it))
	}
	if _, err := s.store.Record(s.t.Context(), list); err != nil {
		s.t.Fatal(err)
	}
}

// delivery wraps an item as the n-th event, delivered at once.
func delivery(n int, now time.Time, it events.Item) events.Delivery {
	id := fmt.Sprintf("%s/spaceEvents/%d", it.Space, n)
	typ := fmt.Sprintf("google.workspace.chat.%s.v1.%s", it.Kind, it.Verb)
	return events.Delivery{
		MessageID: fmt.Sprint(n), PublishTime: now, ReceivedAt: now, Origin: events.OriginLive,
		Attributes: map[string]string{"ce-id": id, "ce-type": typ}, Data: []byte(`{}`),
		Event: &events.Event{
			ID: id, Source: "//workspaceevents.googleapis.com/subscriptions/s", Type: typ,
			Subject: "//chat.googleapis.com/" + it.Space, Time: now, Items: []events.Item{it},
		},
	}
}

func member(verb events.Verb, space, user string) events.Item {
	name := space + "/members/" + strings.TrimPrefix(user, "users/")
	m := &events.Membership{Name: name, State: events.MembershipJoined, Role: "ROLE_MEMBER", Member: events.User{Name: user, Type: events.UserHuman}}
	if verb == events.VerbDeleted {
		m.State, m.Role, m.Member.Type = events.MembershipNotAMember, "", "" // all that Google tells
	}
	return events.Item{Kind: events.KindMembership, Verb: verb, Resource: name, Space: space, Actor: user, Membership: m}
}

// join lets people join at the same time.
func (s *env) join(users ...string) {
	s.t.Helper()
	var items []events.Item
	for _, u := range users {
		items = append(items, member(events.VerbCreated, space, u))
	}
	s.record(items...)
}

func (s *env) leave(user string) {
	s.t.Helper()
	s.record(member(events.VerbDeleted, space, user))
}

func (s *env) post(user string, from events.UserType, text string) {
	s.t.Helper()
	name := fmt.Sprintf("%s/messages/m%d", space, s.n)
	s.record(events.Item{
		Kind: events.KindMessage, Verb: events.VerbCreated, Resource: name, Space: space, Actor: user,
		Message: &events.Message{Name: name, Sender: events.User{Name: user, Type: from}, CreateTime: s.clock(), Text: text, Thread: space + "/threads/t"},
	})
}

// runs lists all runs, the oldest first.
func (s *env) runs() []reactors.Run {
	s.t.Helper()
	list, err := s.store.List(s.t.Context(), runs.Filter{Max: 10_000})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Reverse(list)
	return list
}

// outcomes of all runs, the oldest first.
func (s *env) outcomes() (list []reactors.Outcome) {
	s.t.Helper()
	for _, r := range s.runs() {
		list = append(list, r.Outcome)
	}
	return list
}

// attempt carries a run on as River would, which calls again at once if there
// is nothing to wait for.
func (s *env) attempt(run int64) (wait time.Duration) {
	s.t.Helper()
	for range 10 {
		wait, err := s.Attempt(s.t.Context(), run)
		if errors.Is(err, runs.ErrRunChanged) || wait > 0 && wait < 10*time.Millisecond {
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return wait
	}
	s.t.Fatalf("run %d comes to nothing", run)
	return 0
}

// attemptAll attempts all pending runs once, the oldest first, and answers how
// long each wants to wait.
func (s *env) attemptAll() (waits []time.Duration) {
	s.t.Helper()
	for _, r := range s.runs() {
		if r.Outcome == reactors.Pending {
			waits = append(waits, s.attempt(r.ID))
		}
	}
	return waits
}

// value answers with one value.
func value[T any](t *testing.T, s *storetest.Env, sql string, args ...any) (v T) {
	t.Helper()
	if err := s.Pool().QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}
