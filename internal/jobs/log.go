package jobs

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// repeatAfter is how long River says nothing more of one kind.
const repeatAfter = time.Minute

// riverLog passes River's warnings and errors on, in the form of our lines. A
// queue that can't do its work says so several times a second: of each message
// it takes one a minute. Errors of connections are left out: the store logs
// when the database goes away and when it is back. So is what a stop cut off: it is
// done again.
type riverLog struct {
	slog.Handler
	mu      sync.Mutex
	said    map[string]time.Time // message → when; River has few
	leftOut map[string]int64     // since then
}

func newRiverLog(log *zap.Logger) *riverLog {
	core := log.WithOptions(zap.IncreaseLevel(zapcore.WarnLevel)).Core()
	return &riverLog{
		// River's own notes are about its housekeeping; what a job does is
		// logged by its worker.
		Handler: zapslog.NewHandler(core, zapslog.WithName(log.Named("river").Name()), zapslog.AddStacktraceAt(slog.LevelError+1)),
		said:    map[string]time.Time{}, leftOut: map[string]int64{},
	}
}

// Handle implements slog.Handler.
func (l *riverLog) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	lost := false
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" || a.Key == "error" {
			a = slog.String("error", a.Value.String())
			lost = lostConnection(a.Value.String()) || strings.Contains(a.Value.String(), context.Canceled.Error())
		}
		out.AddAttrs(a)
		return true
	})
	if lost {
		return nil
	}
	l.mu.Lock()
	if r.Time.Sub(l.said[r.Message]) < repeatAfter {
		l.leftOut[r.Message]++
		l.mu.Unlock()
		return nil
	}
	if n := l.leftOut[r.Message]; n > 0 {
		out.AddAttrs(slog.Int64("left_out", n))
	}
	l.said[r.Message], l.leftOut[r.Message] = r.Time, 0
	l.mu.Unlock()
	return l.Handler.Handle(ctx, out)
}

// lostConnection reports whether an error says that there is no connection, or
// no longer one. River passes texts, not errors.
func lostConnection(text string) bool {
	for _, sign := range []string{
		"failed to connect to", "conn closed", "unexpected EOF", "connection refused", "connection reset", "broken pipe",
		"use of closed network connection", "SQLSTATE 08", "SQLSTATE 57P0",
	} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}
