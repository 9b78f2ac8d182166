package subscriptions_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/quota"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// The clients of a process don't compete: Google, which allows 100 calls a minute,
// refuses none of theirs, and the log has nothing to tell.
func TestClientsOfAProcessDontCompete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const spaces, lists, pages = 103, 40, 2
		ws, pacer, log, logged := paced(t, spaces)
		defer ws.Close()
		var all sync.WaitGroup
		for i := range 2 {
			m := client(t, ws, pacer, log)
			defer m.Close()
			if i == 0 {
				want := desiredOf(ws)
				for r := range m.DoAll(t.Context(), subscriptions.Plan(want, nil, subscriptions.View{})) {
					if r.Err != nil {
						t.Fatal(r.Err)
					}
				}
			}
			all.Go(func() {
				for range lists {
					if found, err := m.List(t.Context()); err != nil || len(found) != spaces {
						t.Errorf("listed %d of %d, %v", len(found), spaces, err)
					}
				}
			})
		}
		all.Wait()
		calls := ws.EventsAPICalls() // refused ones too
		if calls["subscriptions.create"] != spaces || calls["subscriptions.list"] != 2*lists*pages {
			t.Errorf("got calls %v, want %d creates and %d lists: none refused", calls, spaces, 2*lists*pages)
		}
		if n := logged.Len(); n > 0 {
			t.Errorf("%d messages are logged, want none: %+v", n, logged.All())
		}
	})
}

// Where another process takes the quota, ours waits, and says so once, without
// what Google answered in full.
func TestAnotherProcessTakesTheQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const spaces = 3
		ws, pacer, log, logged := paced(t, spaces)
		defer ws.Close()
		ours, other := client(t, ws, pacer, log), client(t, ws, nil, nil)
		defer ours.Close()
		defer other.Close()
		for range 95 {
			if _, err := other.List(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 30 {
			if _, err := ours.List(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var said []string
		for _, e := range logged.All() {
			text := e.Level.String() + " " + e.Message
			for _, f := range e.Context {
				text += " " + f.Key + "=" + f.String
				if err, ok := f.Interface.(error); ok {
					text += err.Error()
				}
			}
			said = append(said, text)
		}
		want := "warn quota used up, by another process too; waiting until there is room quota=subscription reads\n" +
			"info quota has room again quota=subscription reads"
		if got := strings.Join(said, "\n"); got != want {
			t.Errorf("logged\n%s\nwant\n%s", got, want)
		}
	})
}

func paced(t *testing.T, spaces int) (*simulate.Workspace, *quota.Pacer, *zap.Logger, *observer.ObservedLogs) {
	t.Helper()
	ws, err := simulate.Start(t.Context(), simulate.Options{
		Spaces: spaces, Users: -1, Publisher: simulatetest.Deaf{Topic: "chat-events"}, NoListen: true, Now: time.Now,
		TTL: simulate.TTL{Data: 7 * 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	core, logged := observer.New(zapcore.InfoLevel)
	log := zap.New(core)
	return ws, quota.New(quota.Options{Log: log}), log, logged
}

func client(t *testing.T, ws *simulate.Workspace, pacer *quota.Pacer, log *zap.Logger) *subscriptions.Manager {
	t.Helper()
	m, err := subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: ws.WorkspaceEventsEndpoint(), Transport: ws.InProcess(), Pacer: pacer, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func desiredOf(ws *simulate.Workspace) []subscriptions.Desired {
	var want []subscriptions.Desired
	for _, s := range ws.Spaces() {
		want = append(want, subscriptions.Desired{
			Scope: s.Name, Topic: "projects/" + ws.Project() + "/topics/chat-events", EventTypes: config.EventTypes(), IncludeResource: true,
		})
	}
	return want
}
