package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/spacekeeper/spacekeeper/internal/logging"
)

func TestJSONHasCloudLoggingFields(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := logging.New("debug", "json", &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Named("ingest").With(zap.String("space", "spaces/A")).
		Warn("batch retried", zap.Duration("delay", 1500*time.Millisecond), zap.Error(errors.New("gone")))

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	stamp, _ := line["timestamp"].(string)
	if when, err := time.Parse(time.RFC3339Nano, stamp); err != nil || !strings.HasSuffix(stamp, "Z") || time.Since(when) > time.Minute {
		t.Errorf("got timestamp %q, want the present in RFC 3339, UTC", stamp)
	}
	place, _ := line["logging.googleapis.com/sourceLocation"].(map[string]any)
	if file, _ := place["file"].(string); !strings.HasSuffix(file, "logging_test.go") {
		t.Errorf("got source location %v, want this file", place)
	}
	if function, _ := place["function"].(string); !strings.Contains(function, "TestJSONHasCloudLoggingFields") {
		t.Errorf("got source location %v, want this function", place)
	}
	if _, ok := place["line"].(string); !ok {
		t.Errorf("got source location %v, want its line as text", place)
	}
	delete(line, "timestamp")
	delete(line, "logging.googleapis.com/sourceLocation")
	want := map[string]any{
		"severity": "WARNING", "logger": "ingest", "message": "batch retried",
		"space": "spaces/A", "delay": "1.5s", "error": "gone",
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("log line (-want +got):\n%s", diff)
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for level, want := range map[zapcore.Level]string{
		zapcore.DebugLevel:  "DEBUG",
		zapcore.InfoLevel:   "INFO",
		zapcore.WarnLevel:   "WARNING",
		zapcore.ErrorLevel:  "ERROR",
		zapcore.DPanicLevel: "CRITICAL",
		zapcore.PanicLevel:  "ALERT",
		zapcore.FatalLevel:  "EMERGENCY",
	} {
		var out bytes.Buffer
		log, err := logging.New("debug", "json", &out)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Core().Write(zapcore.Entry{Level: level}, nil); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), `"severity":"`+want+`"`) {
			t.Errorf("%s is logged as %s, want severity %s", level, &out, want)
		}
	}
}

func TestLevelFilters(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		for _, format := range []string{"json", "console"} {
			var out bytes.Buffer
			log, err := logging.New(level, format, &out)
			if err != nil {
				t.Fatal(err)
			}
			log.Debug("one")
			log.Info("one")
			log.Warn("one")
			log.Error("one")
			if got := strings.Count(out.String(), "\n"); got != want {
				t.Errorf("level %s, format %s: got %d lines, want %d", level, format, got, want)
			}
		}
	}
}

func TestNewRefusesUnknownSettings(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"loud", "json"}, {"fatal", "json"}, {"info", "xml"}, {"info", ""}} {
		if _, err := logging.New(c[0], c[1], &bytes.Buffer{}); err == nil {
			t.Errorf("New(%q, %q) gave no error", c[0], c[1])
		}
	}
}
