package jobs_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// River's lines look like ours, come once a minute for each message, leave the
// loss of connections to the store, and don't complain of a stop.
func TestRiverLog(t *testing.T) {
	t.Parallel()
	core, seen := observer.New(zapcore.DebugLevel)
	h := jobs.NewRiverLog(zap.New(core))
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	say := func(after time.Duration, level slog.Level, message string, attrs ...slog.Attr) {
		r := slog.NewRecord(at.Add(after), level, message, 0)
		r.AddAttrs(attrs...)
		if !h.Enabled(t.Context(), level) {
			return
		}
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	locked := errors.New("canceling statement due to statement timeout (SQLSTATE 57014)")
	say(0, slog.LevelInfo, "River client started")
	say(0, slog.LevelError, "Producer: Error fetching jobs", slog.String("err", locked.Error()), slog.String("queue", "keeper"))
	say(time.Second, slog.LevelError, "Producer: Error fetching jobs", slog.String("err", locked.Error()), slog.String("queue", "fetch"))
	say(2*time.Second, slog.LevelError, "Producer: Error fetching jobs", slog.String("err", "failed to connect to `user=a database=b`: refused"))
	say(3*time.Second, slog.LevelError, "Elector: Error attempting reelection", slog.Any("err", errors.New("unexpected EOF")))
	say(3*time.Second, slog.LevelError, "Client: Failed to send job insert notification", // as it does when it is stopped
		slog.String("error", "timeout: context already done: context canceled"))
	say(3*time.Second, slog.LevelWarn, "Notifier: Dropping notification due to full buffer", slog.String("payload", "p"))
	say(time.Minute, slog.LevelError, "Producer: Error fetching jobs", slog.Any("err", locked), slog.String("queue", "keeper"))
	type line struct {
		Level   zapcore.Level
		Logger  string
		Message string
		Fields  map[string]any
	}
	var got []line
	for _, e := range seen.All() {
		if e.Stack != "" {
			t.Errorf("%q has a stack", e.Message)
		}
		got = append(got, line{e.Level, e.LoggerName, e.Message, e.ContextMap()})
	}
	want := []line{
		{zapcore.ErrorLevel, "river", "Producer: Error fetching jobs", map[string]any{"error": locked.Error(), "queue": "keeper"}},
		{zapcore.WarnLevel, "river", "Notifier: Dropping notification due to full buffer", map[string]any{"payload": "p"}},
		{zapcore.ErrorLevel, "river", "Producer: Error fetching jobs", map[string]any{"error": locked.Error(), "queue": "keeper", "left_out": int64(1)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
