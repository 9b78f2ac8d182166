package catchup_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// pendingGap inserts a gap that waits for its repair.
func (e *env) pendingGap(t *testing.T, scope string, from, to time.Time) (id int64) {
	t.Helper()
	if err := e.db.Pool().QueryRow(t.Context(), `
		INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
		VALUES ($1, $2, $3, 'gap', $4, 'pending')
		RETURNING id`, scope, from, to, coverage.CauseSilentLoss).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// wantGap compares the state of a gap, "" for closed.
func (e *env) wantGap(t *testing.T, id int64, state string) coverage.Gap {
	t.Helper()
	g, err := e.db.Gap(t.Context(), id)
	if errors.Is(err, coverage.ErrNoGap) {
		err = nil
	}
	if err != nil || g.State != state {
		t.Errorf("the gap is %q, %v, want %q", g.State, err, state)
	}
	return g
}

// An attempt whose time is over before everything is fetched closes nothing:
// its job comes back, and goes on where it was.
func TestGapOfAnUnfinishedAttemptStays(t *testing.T) {
	t.Parallel()
	const count, budget = 700, 500 * time.Millisecond
	e := newEnv(t, simulate.Options{Users: 30})
	e.live(t, count, time.Hour)
	gap := e.pendingGap(t, e.space, epoch.Add(-time.Second), e.clock.Now())
	var calls atomic.Int32
	e.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
		if calls.Add(1) >= 3 {
			return simulate.ChatFault{Latency: 2 * budget}
		}
		return simulate.ChatFault{}
	})
	attempt := func() error {
		return catchup.WorkOnGap(e.reader, t.Context(), &river.Job[jobs.Backfill]{JobRow: &rivertype.JobRow{}, Args: jobs.Backfill{Gap: gap}})
	}
	e.reader.SetBudget(budget)
	var snooze *river.JobSnoozeError
	if err := attempt(); !errors.As(err, &snooze) {
		t.Errorf("got %v, want that the job comes back", err)
	}
	e.wantGap(t, gap, coverage.GapPending)
	if got := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); got >= count {
		t.Fatalf("all %d events are recorded; the attempt was finished", got)
	}
	e.SetChatFaults(nil)
	e.reader.SetBudget(time.Minute)
	check(t, attempt())
	e.wantGap(t, gap, "")
	if got := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); got != count {
		t.Errorf("got %d events, want %d", got, count)
	}
}

// A gap of a wide target is closed when every space of it is filled, not
// before: neither when the rest can't be listed now, nor when it never can.
func TestWideGapIsFilledInEverySpace(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"passing trouble": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, simulate.Options{Spaces: 3, Users: 30})
			e.live(t, 60, time.Hour)
			spaces := e.Spaces()
			for _, s := range spaces {
				if _, err := e.db.Pool().Exec(t.Context(), `INSERT INTO spaces (space, version_time, version_key) VALUES ($1, '-infinity', gen_random_uuid())`, s.Name); err != nil {
					t.Fatal(err)
				}
			}
			filled := func() int {
				return e.number(t, `SELECT count(DISTINCT space_id) FROM events`)
			}
			gap := e.pendingGap(t, "spaces/-", epoch.Add(-time.Second), e.clock.Now())
			last := e.lastKnown(t)
			if refused {
				check(t, e.RemoveMember(last, e.App()))
				check(t, e.reader.Repair(t.Context(), gap))
				if g := e.wantGap(t, gap, coverage.GapImpossible); filled() != 2 || !regexp.MustCompile(`^1 of 3 spaces can't be listed; the first: .*`+last).MatchString(g.Detail) {
					t.Errorf("%d spaces are filled; the gap says %q, want 2 and that one can't be listed", filled(), g.Detail)
				}
				return
			}
			e.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
				if c.Space == last {
					return simulate.ChatFault{Status: http.StatusServiceUnavailable}
				}
				return simulate.ChatFault{}
			})
			if err := e.reader.Repair(t.Context(), gap); err == nil {
				t.Error("a space can't be listed, and nothing says so")
			}
			if e.wantGap(t, gap, coverage.GapPending); filled() != 2 {
				t.Errorf("%d spaces are filled, want 2", filled())
			}
			e.SetChatFaults(nil)
			check(t, e.reader.Repair(t.Context(), gap))
			if e.wantGap(t, gap, ""); filled() != len(spaces) {
				t.Errorf("%d spaces are filled, want %d", filled(), len(spaces))
			}
			if got := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); got != e.count() {
				t.Errorf("got %d events, want %d", got, e.count())
			}
		})
	}
}

// lastKnown is the space that a wide gap comes to last.
func (e *env) lastKnown(t *testing.T) string {
	list := e.column(t, `SELECT space FROM spaces ORDER BY space DESC LIMIT 1`)
	if len(list) != 1 {
		t.Fatal("no space is known")
	}
	return list[0]
}

// listing is a Chat API that lists events of one space: every hundred a page,
// after the start of the filter, as Google does. Simulated spaces have no two
// events of one time.
type listing struct {
	space  string
	events []listed
	fails  atomic.Bool // every page but the first
}

type listed struct {
	name string
	at   time.Time
}

var startTime = regexp.MustCompile(`start_time="([^"]+)"`)

func (l *listing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, err := time.Parse(time.RFC3339Nano, startTime.FindStringSubmatch(query.Get("filter"))[1])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	from := 0
	if token := query.Get("pageToken"); token != "" {
		if l.fails.Load() {
			http.Error(w, `{"error":{"code":503,"status":"UNAVAILABLE","message":"away"}}`, http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Sscan(token, &from)
	}
	page, next := []map[string]any{}, ""
	skipped := 0
	for _, e := range l.events {
		if !e.at.After(after) {
			continue
		}
		if skipped++; skipped <= from {
			continue
		}
		if len(page) == 100 {
			next = fmt.Sprint(from + 100)
			break
		}
		page = append(page, map[string]any{
			"name": l.space + "/spaceEvents/" + e.name, "eventTime": e.at.Format(time.RFC3339Nano), "eventType": "google.workspace.chat.message.v1.created",
			"messageCreatedEventData": map[string]any{"message": map[string]any{"name": l.space + "/messages/" + e.name, "text": "hi"}},
		})
	}
	answer := map[string]any{"spaceEvents": page}
	if next != "" {
		answer["nextPageToken"] = next
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// An attempt that ends between events of one microsecond goes on with the rest
// of them.
func TestFillGoesOnWithinAMicrosecond(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"one time": 0, "nanoseconds apart": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const count = 250
			e := newEnv(t, simulate.Options{})
			at := epoch.Add(time.Hour).Add(123_456 * time.Microsecond)
			l := &listing{space: e.space}
			for i := range count {
				l.events = append(l.events, listed{fmt.Sprintf("e%03d", i), at.Add(time.Duration(i) * step)})
			}
			server := httptest.NewServer(l)
			t.Cleanup(server.Close)
			chat, err := gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, server.URL)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(chat.Close)
			now := func() time.Time { return epoch.Add(2 * time.Hour) }
			reader := catchup.New(chat, e.db.Log, e.db.Coverage, catchup.Options{Types: config.EventTypes(), Now: now})
			gap := e.pendingGap(t, e.space, epoch, now())
			l.fails.Store(true)
			if err := reader.Repair(t.Context(), gap); err == nil {
				t.Error("the second page can't be listed, and nothing says so")
			}
			e.wantGap(t, gap, coverage.GapPending)
			if got := e.number(t, `SELECT count(*) FROM events`); got != 100 {
				t.Errorf("got %d events of the first page, want 100", got)
			}
			l.fails.Store(false)
			check(t, reader.Repair(t.Context(), gap))
			e.wantGap(t, gap, "")
			if got := e.number(t, `SELECT count(*) FROM events`); got != count {
				t.Errorf("got %d events, want %d", got, count)
			}
		})
	}
}
