// Package logging builds the logger that both binaries pass around.
//
// The json format uses the field names that Cloud Logging reads severity, time
// and place from; any other collector takes them as plain JSON. The console
// format is for people. There is no global logger: the caller hands the one
// from [New] down, named after each part, and syncs it before exit.
package logging

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// New returns a logger that writes to w, which it locks for each line. The
// level is debug, info, warn or error; the format json or console.
func New(level, format string, w io.Writer) (*zap.Logger, error) {
	lowest, err := zapcore.ParseLevel(level)
	if err != nil || lowest > zapcore.ErrorLevel {
		return nil, fmt.Errorf("log level %q is none of debug, info, warn, error", level)
	}
	var encoder zapcore.Encoder
	switch format {
	case "json":
		encoder = &cloudEncoder{zapcore.NewJSONEncoder(jsonFields())}
	case "console":
		encoder = zapcore.NewConsoleEncoder(consoleFields())
	default:
		return nil, fmt.Errorf("log format %q is neither json nor console", format)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), lowest)
	return zap.New(core, zap.AddCaller(), zap.AddStacktrace(zapcore.DPanicLevel)), nil
}

// jsonFields leaves the caller out: Cloud Logging wants it as an object,
// which cloudEncoder adds.
func jsonFields() zapcore.EncoderConfig {
	return zapcore.EncoderConfig{
		TimeKey:        "timestamp",
		LevelKey:       "severity",
		NameKey:        "logger",
		MessageKey:     "message",
		StacktraceKey:  "stack_trace",
		LineEnding:     zapcore.DefaultLineEnding,
		EncodeLevel:    severity,
		EncodeTime:     utc,
		EncodeDuration: zapcore.StringDurationEncoder,
	}
}

func consoleFields() zapcore.EncoderConfig {
	return zapcore.EncoderConfig{
		TimeKey:          "time",
		LevelKey:         "level",
		NameKey:          "logger",
		MessageKey:       "message",
		StacktraceKey:    "stack",
		LineEnding:       zapcore.DefaultLineEnding,
		EncodeLevel:      zapcore.CapitalLevelEncoder,
		EncodeTime:       zapcore.TimeEncoderOfLayout("15:04:05.000"),
		EncodeDuration:   zapcore.StringDurationEncoder,
		ConsoleSeparator: "  ",
	}
}

// severity maps zap's levels to Cloud Logging's.
func severity(l zapcore.Level, enc zapcore.PrimitiveArrayEncoder) {
	switch l {
	case zapcore.WarnLevel:
		enc.AppendString("WARNING")
	case zapcore.DPanicLevel:
		enc.AppendString("CRITICAL")
	case zapcore.PanicLevel:
		enc.AppendString("ALERT")
	case zapcore.FatalLevel:
		enc.AppendString("EMERGENCY")
	default:
		enc.AppendString(l.CapitalString())
	}
}

func utc(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
	enc.AppendString(t.UTC().Format(time.RFC3339Nano))
}

const sourceLocationKey = "logging.googleapis.com/sourceLocation"

// sourceLocation is the caller in the form that Cloud Logging links to.
type sourceLocation zapcore.EntryCaller

// MarshalLogObject writes the line as text: it is an int64 in protobuf's JSON.
func (s sourceLocation) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("file", s.File)
	enc.AddString("line", strconv.Itoa(s.Line))
	enc.AddString("function", s.Function)
	return nil
}

// cloudEncoder adds the source location to each line.
type cloudEncoder struct{ zapcore.Encoder }

func (e *cloudEncoder) Clone() zapcore.Encoder { return &cloudEncoder{e.Encoder.Clone()} }

func (e *cloudEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	if entry.Caller.Defined {
		// A fresh slice: the caller may share the array behind fields.
		fields = append(fields[:len(fields):len(fields)], zap.Object(sourceLocationKey, sourceLocation(entry.Caller)))
	}
	return e.Encoder.EncodeEntry(entry, fields)
}
