package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
	"github.com/spacekeeper/spacekeeper/internal/reactors/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "canary-in-the-value"

func TestConformance(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(*testing.T) reactorstest.Env {
		rows := &table{rows: map[string]record.Entry{}}
		return reactorstest.Env{
			Action: record.New(rows), Restart: func() reactors.Action { return record.New(rows) },
			Params:  &record.Params{Name: "member.greeted", Value: reactors.PlainText{Source: canary, Value: canary}},
			Context: prepareContext(), Effects: rows.effects, Writes: reactorstest.NoWrites, Fail: rows.fail, Canary: canary,
		}
	}})
}

func TestRequest(t *testing.T) {
	t.Parallel()
	c := prepareContext()
	request, err := record.New(nil).Prepare(&record.Params{
		Name: "n", Value: reactors.PlainText{Value: "a\x00b\xffc"},
	}, c)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(request.Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"key": c.IDs.Request("0.0"), "name": "n", "value": "ab\uFFFDc",
		"reactor": "rule", "space": "spaces/AAA", "member": "users/1", "at": "2026-03-01T09:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestLongValueIsRefused(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]bool{record.MaxValue: false, record.MaxValue + 1: true} {
		_, err := record.New(nil).Prepare(&record.Params{
			Name: "n", Value: reactors.PlainText{Value: strings.Repeat("x", size)},
		}, prepareContext())
		if got := reactors.IsPermanent(err); got != want {
			t.Errorf("Prepare of %d bytes: error %v, want a permanent one: %t", size, err, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"welcome.skipped": 0, "a": 0, strings.Repeat("a", 63): 0,
		"": 1, "Welcome": 1, "1st": 1, "a b": 1, "a\n": 1, strings.Repeat("a", 64): 1,
	} {
		if got := record.New(nil).Check(&record.Params{Name: name}); len(got) != want {
			t.Errorf("Check(%q) = %v, want %d mistakes", name, got, want)
		}
	}
}

func prepareContext() reactors.PrepareContext {
	run := reactors.Run{
		Reactor: "rule", Subject: "spaces/AAA|users/1", Space: "spaces/AAA", Member: "users/1",
		EventTime: time.Date(2026, 3, 1, 10, 0, 0, 0, time.FixedZone("", 3600)),
	}
	return reactors.PrepareContext{Run: run, Label: "0.0", IDs: reactors.IDsOf(run)}
}

// table is a Recorder in memory.
type table struct {
	mu   sync.Mutex
	next reactorstest.Fault
	rows map[string]record.Entry
}

func (t *table) Record(ctx context.Context, e record.Entry) error {
	t.mu.Lock()
	fault := t.next
	t.next = reactorstest.None
	t.mu.Unlock()
	switch fault {
	case reactorstest.Unavailable:
		return errors.New("connection refused")
	case reactorstest.Refused:
		return reactors.Permanent(errors.New("permission denied for table"))
	case reactorstest.Hang:
		<-ctx.Done()
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.rows[e.Key]; !there {
		t.rows[e.Key] = e
	}
	if fault == reactorstest.DropReply {
		return errors.New("connection reset")
	}
	return nil
}

func (t *table) fail(f reactorstest.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = f
}

func (t *table) effects() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rows)
}
