package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// owner is somebody whose wishes are rules: a worker with a clock of its own, a
// Chat that keeps what is written to it, and a receiver of webhooks.
type owner struct {
	*storetest.Env
	ruleSet *engine.RuleSet
	clock   atomic.Pointer[time.Time]
	got     []string // in order
}

func (o *owner) Plan(c reactors.Change) reactors.Plan { return o.ruleSet.Plan(c) }
func (o *owner) now() time.Time                       { return *o.clock.Load() }

func (o *owner) keep(format string, args ...any) {
	o.got = append(o.got, o.now().UTC().Format("Mon 15:04 ")+fmt.Sprintf(format, args...))
}

// CreateMessage implements [send.Sender].
func (o *owner) CreateMessage(_ context.Context, m gchat.CreateMessage) (gchat.Message, error) {
	where := m.Space
	if m.Thread != "" {
		where = m.Thread
	}
	o.keep("%s: %s", where, m.Text)
	return gchat.Message{Name: m.Space + "/messages/" + m.MessageID, Thread: m.Thread}, nil
}

// MessageByClientID implements [send.Sender].
func (o *owner) MessageByClientID(context.Context, string, string) (m gchat.Message, found bool, err error) {
	return m, false, nil
}

// ServeHTTP takes webhooks.
func (o *owner) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var e struct {
		Data struct{ Member struct{ Name string } }
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	o.keep("webhook: %s %v", e.Data.Member.Name, err)
}

// moment is something that happens at a time. Without a type it is that the
// schedules are looked at.
type moment struct {
	at                time.Time
	typ, space, tells string
}

// recorded is the moment as the n-th event, with what Google tells.
func (m moment) recorded(t *testing.T, n int) events.Delivery {
	t.Helper()
	d := events.Delivery{MessageID: fmt.Sprint("m", n), PublishTime: m.at, ReceivedAt: m.at, Data: []byte(m.tells), Origin: events.OriginLive}
	d.Attributes = map[string]string{
		"ce-id": fmt.Sprintf("%s/spaceEvents/%d", m.space, n), "ce-type": events.ChatPrefix + m.typ, "ce-specversion": "1.0",
		"ce-datacontenttype": "application/json", "ce-source": "//workspaceevents.googleapis.com/subscriptions/s",
		"ce-subject": "//chat.googleapis.com/" + m.space, "ce-time": m.at.Format(time.RFC3339Nano),
	}
	var malformed *events.Malformed
	if d.Event, malformed = events.Decode(d.Attributes, d.Data); malformed != nil {
		t.Fatal(malformed)
	}
	return d
}

// live lives through what happens, and carries out what falls due.
func (o *owner) live(t *testing.T, set *rules.Set, acts []reactors.Action, history []moment) {
	t.Helper()
	dispatcher := engine.NewDispatcher(o.ruleSet, acts, o.Runs, o.Log, zap.NewNop(), engine.Options{WriteInterval: time.Microsecond, Now: o.now})
	scheduler := engine.NewScheduler(o.ruleSet, o.Runs, o.Log, o.now)
	since, until := o.now(), history[len(history)-1].at
	for _, tick := range set.Due(since, until) {
		history = append(history, moment{at: tick.At}, moment{at: tick.At.Add(15 * time.Second)}) // they are looked at more than once
	}
	slices.SortStableFunc(history, func(a, b moment) int { return a.at.Compare(b.at) })
	if err := scheduler.Tick(t.Context(), since); err != nil { // what was before is nobody's
		t.Fatal(err)
	}
	for i, m := range history {
		o.carryOut(t, dispatcher, m.at)
		o.clock.Store(&m.at)
		if m.typ == "" {
			if err := scheduler.Tick(t.Context(), m.at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		storetest.Record(t, o.Env, m.recorded(t, i))
	}
	o.carryOut(t, dispatcher, until)
}

func (o *owner) carryOut(t *testing.T, d *engine.Dispatcher, until time.Time) {
	t.Helper()
	for range 100 { // what stays due makes no progress
		var id int64
		var due time.Time
		err := o.Pool().QueryRow(t.Context(), `
			SELECT id, due_at
			FROM reactor_runs
			WHERE outcome = 'pending' AND due_at <= $1
			ORDER BY due_at, event_time, id
			LIMIT 1`, until).Scan(&id, &due)
		if err == pgx.ErrNoRows { //nolint:errorlint // as Scan returns it
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if due = due.UTC(); due.After(o.now()) {
			o.clock.Store(&due)
		}
		if _, err := d.Attempt(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("runs stay due")
}

// history is what happens, from a time on.
type history struct {
	from time.Time
	list []moment
}

func (h *history) add(after time.Duration, typ, space, format string, args ...any) {
	h.list = append(h.list, moment{h.from.Add(after), typ, space, fmt.Sprintf(format, args...)})
}

// joins tells of somebody of an organization, such as INTERNAL; "" if nobody knows.
func (h *history) joins(after time.Duration, space, user, of string) {
	if of != "" {
		of = fmt.Sprintf(`,"affiliation":%q`, of)
	}
	h.add(after, "membership.v1.created", space,
		`{"membership":{"name":"%s/members/%s","state":"JOINED","role":"ROLE_MEMBER"%s,"member":{"name":"users/%[2]s","type":"HUMAN"}}}`, space, user, of)
}

func (h *history) leaves(after time.Duration, space, user string) {
	h.add(after, "membership.v1.deleted", space, `{"membership":{"name":"%s/members/%s","state":"NOT_A_MEMBER"}}`, space, user)
}

// support is the space where people ask.
const support = "spaces/SUPPORT"

// writes tells of the message T.M of thread T in the space support.
func (h *history) writes(after time.Duration, user, id, text string) {
	thread, own, _ := strings.Cut(id, ".")
	h.add(after, "message.v1.created", support,
		`{"message":{"name":"%s/messages/%s","createTime":%q,"text":%q,"threadReply":%t,"thread":{"name":"%[1]s/threads/%[6]s"},`+
			`"sender":{"name":"users/%[7]s","type":"HUMAN"}}}`, support, id, h.from.Add(after).Format(time.RFC3339), text, thread != own, thread, user)
}

func (h *history) reacts(after time.Duration, space, user, id, emoji string) {
	h.add(after, "reaction.v1.created", space,
		`{"reaction":{"name":"%s/messages/%s/reactions/%s%x","emoji":{"unicode":%[5]q},"user":{"name":"users/%[3]s","type":"HUMAN"}}}`,
		space, id, user, emoji, emoji)
}

// TestWishes: what the owner of a few spaces wishes for can be said in rules by who has
// read the documents only. The rules pass their tests, a worker acts on them, and a
// replay of what it has recorded tells the same.
func TestWishes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "wishes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	wishes := parse(t, "wishes.yaml", string(raw))
	for _, m := range wishes.Doubts() {
		t.Error(m)
	}
	passes(t, wishes)

	friday := time.Date(2026, time.November, 6, 13, 0, 0, 0, time.UTC) // two o'clock in Berlin
	o := &owner{}
	o.clock.Store(&friday)
	receiver := httptest.NewServer(o)
	t.Cleanup(receiver.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")
	text := strings.NewReplacer("https://security.example.com/joined", receiver.URL, "/run/secrets/security", secret).Replace(string(raw))
	hook := webhook.New(webhook.Options{AllowLoopback: true})
	t.Cleanup(hook.Close)
	acts := []reactors.Action{send.New(o), hook}
	set, err := rules.Parse("wishes.yaml", []byte(text), rules.Options{Actions: acts})
	if err != nil {
		t.Fatal(err)
	}
	o.ruleSet = engine.NewRuleSet(set)
	o.Env = storetest.New(t, storetest.Options{Planner: o, Now: o.now})

	const onboarding, inside = "spaces/ONBOARDING", "INTERNAL"
	h := &history{from: friday}
	h.joins(time.Minute, onboarding, "1", inside)
	h.writes(60*time.Minute, "ann", "A.A", "Where is it?")
	h.writes(61*time.Minute, "ann", "B.B", "It is broken.")
	h.writes(62*time.Minute, "ann", "C.C", "Who knows?")
	h.reacts(65*time.Minute, support, "bob", "B.B", "👀")
	h.reacts(66*time.Minute, support, "cem", "B.B", "👀")
	h.reacts(67*time.Minute, support, "cem", "A.A", "👍")
	for n := 2; n <= 8; n++ { // over the weekend
		h.joins(time.Duration(n+10)*time.Hour, onboarding, fmt.Sprint(n), inside)
	}
	h.leaves(30*time.Hour, onboarding, "8")
	const monday = 67 * time.Hour // nine o'clock in Berlin
	h.joins(monday+30*time.Minute, support, "ext", "EXTERNAL")
	h.joins(monday+31*time.Minute, support, "who", "")
	h.leaves(monday+32*time.Minute, support, "who")
	h.writes(monday+60*time.Minute, "bob", "C.D", "I do.")
	h.leaves(monday+61*time.Minute, onboarding, "1")
	h.joins(monday+62*time.Minute, onboarding, "1", inside)
	h.writes(monday+24*time.Hour, "bob", "E.E", "Good morning.")
	o.live(t, set, acts, h.list)

	want := []string{
		"Fri 13:11 spaces/ONBOARDING: Welcome, <users/1>!",
		"Fri 14:05 spaces/SUPPORT/threads/B: <users/bob> looks at it.",
		"Fri 15:00 spaces/SUPPORT: The week's most liked:\n" +
			"1. <https://chat.google.com/room/SUPPORT/B/B|It is broken.> by <users/ann> (2 reactions)\n" +
			"2. <https://chat.google.com/room/SUPPORT/A/A|Where is it?> by <users/ann> (1 reaction)",
		"Mon 08:00 spaces/ONBOARDING: Welcome, <users/2>, <users/3> and 4 others!",
		"Mon 08:30 webhook: users/ext <nil>",
		"Mon 08:31 webhook: users/who <nil>",
		"Mon 10:00 spaces/SUPPORT/threads/A: Nobody has answered so far. Can anybody help?",
	}
	if diff := cmp.Diff(want, o.got); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}

	told, err := replay.History(t.Context(), set, o.Env, replay.Options{Since: friday, Until: o.now()})
	if err != nil {
		t.Fatal(err)
	}
	var foretold []string
	for i := range told.Entries {
		e := &told.Entries[i]
		if e.Outcome != reactors.Sent {
			continue
		}
		what := "webhook: " + e.Member
		if texts := e.Texts(); len(texts) > 0 {
			what = e.Space + ": " + strings.Join(texts, "|")
		}
		foretold = append(foretold, e.At.UTC().Format("Mon 15:04 ")+what)
	}
	for i := range want {
		want[i] = strings.TrimSuffix(strings.NewReplacer("/threads/A:", ":", "/threads/B:", ":").Replace(want[i]), " <nil>")
	}
	if diff := cmp.Diff(want, foretold); diff != "" {
		t.Errorf("what a replay tells (-live +replay):\n%s", diff)
	}
	counts := map[string]map[reactors.Outcome]int{}
	for _, s := range told.Rules {
		counts[s.Reactor] = s.Outcomes
	}
	if diff := cmp.Diff(map[string]map[reactors.Outcome]int{
		"greet":      {reactors.Sent: 2, reactors.Collapsed: 5, reactors.Left: 1, reactors.AlreadyDone: 1},
		"looking":    {reactors.Sent: 1, reactors.AlreadyDone: 1, reactors.ConditionFalse: 1},
		"unanswered": {reactors.Sent: 1, reactors.ConditionFalse: 4},
		"digest":     {reactors.Sent: 1},
		"stranger":   {reactors.Sent: 2, reactors.ConditionFalse: 9},
	}, counts); diff != "" {
		t.Errorf("how a replay ends (-want +got):\n%s", diff)
	}
}
