package analytics

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// flushAt is how many bytes are written at once.
const flushAt = 64 << 10

// lines writes a line of text for each row.
type lines struct {
	columns []column
	out     io.Writer
	buf     []byte
}

func (l *lines) flush(least int) error {
	if len(l.buf) < least {
		return nil
	}
	_, err := l.out.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}

func (l *lines) Close() error { return l.flush(0) }

// csvWriter writes a value that is null as nothing, and a text without characters
// as "".
type csvWriter struct{ lines }

func newCSV(columns []column, out io.Writer) *csvWriter {
	w := &csvWriter{lines{columns: columns, out: out}}
	for i, c := range columns {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = AppendCSVText(w.buf, []byte(c.name))
	}
	w.buf = append(w.buf, '\n')
	return w
}

func (w *csvWriter) Row(values [][]byte) error {
	for i, v := range values {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if v == nil {
			continue
		}
		if k := w.columns[i].kind; k == asText || k == asJSON {
			w.buf = AppendCSVText(w.buf, v)
		} else {
			w.buf, _ = appendPlain(w.buf, k, v)
		}
	}
	w.buf = append(w.buf, '\n')
	return w.flush(flushAt)
}

// AppendCSVText writes a text so that no spreadsheet takes it for a formula: one
// that begins like it gets an apostrophe before it. A space stands for what a
// terminal obeys.
func AppendCSVText(buf, text []byte) []byte {
	if len(text) == 0 {
		return append(buf, `""`...)
	}
	quoted := false
	for i := 0; i < len(text) && !quoted; i++ {
		c := text[i]
		quoted = c == ',' || c == '"' || c < ' ' || c >= 0x7f
	}
	formula := beginsFormula(text)
	if !quoted && !formula {
		return append(buf, text...)
	}
	buf = append(buf, '"')
	if formula {
		buf = append(buf, '\'')
	}
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		switch {
		case r == '"':
			buf = append(buf, `""`...)
		case r != '\n' && r != '\t' && obeyed(r):
			buf = append(buf, ' ')
		default:
			buf = append(buf, text[i:i+size]...)
		}
		i += size
	}
	return append(buf, '"')
}

// beginsFormula reports whether a spreadsheet would calculate a text, the space
// before it left out.
func beginsFormula(text []byte) bool {
	first, _ := utf8.DecodeRune(bytes.TrimLeftFunc(text, func(r rune) bool {
		return !strings.ContainsRune("\t\r\n", r) && (r == '\u200c' || r == '\u200d' || unicode.IsSpace(r) || obeyed(r))
	}))
	return strings.ContainsRune("=+-@\t\r\n＝＋－＠", first)
}

// jsonlWriter writes an object for each row.
type jsonlWriter struct{ lines }

func newJSONL(columns []column, out io.Writer) *jsonlWriter {
	return &jsonlWriter{lines{columns: columns, out: out}}
}

func (w *jsonlWriter) Row(values [][]byte) error {
	for i, v := range values {
		w.buf = append(w.buf, ","[:min(i, 1)]...)
		if i == 0 {
			w.buf = append(w.buf, '{')
		}
		w.buf = append(appendJSONText(w.buf, []byte(w.columns[i].name)), ':')
		k := w.columns[i].kind
		switch {
		case v == nil:
			w.buf = append(w.buf, "null"...)
		case k == asText:
			w.buf = appendJSONText(w.buf, v)
		case k == asJSON:
			w.buf = append(w.buf, v...)
		default:
			start := len(w.buf)
			text, ok := appendPlain(append(w.buf, '"'), k, v)
			switch {
			case !ok:
				w.buf = append(w.buf[:start], "null"...)
			case k == asTime, k == asDate:
				w.buf = append(text, '"')
			default:
				w.buf = append(w.buf[:start], text[start+1:]...)
			}
		}
	}
	w.buf = append(w.buf, '}', '\n')
	return w.flush(flushAt)
}

// obeyed reports whether a terminal does something else with a character than show
// it. The joiners between letters and emoji are part of what it shows.
func obeyed(r rune) bool {
	return r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// appendJSONText writes a text; what a terminal obeys is escaped.
func appendJSONText(buf, text []byte) []byte {
	buf = append(buf, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r != '"' && r != '\\' && !obeyed(r) {
			i += size
			continue
		}
		buf = append(buf, text[start:i]...)
		switch r {
		case '"', '\\':
			buf = append(buf, '\\', c)
		case '\n':
			buf = append(buf, `\n`...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				buf = fmt.Appendf(buf, `\u%04x`, unit)
			}
		}
		i += size
		start = i
	}
	return append(append(buf, text[start:]...), '"')
}

// Postgres counts times and dates from this day on.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// appendPlain writes a value that isn't text. It reports false, and writes nothing,
// for one that is no number or no time.
func appendPlain(buf []byte, k kind, v []byte) ([]byte, bool) {
	switch k {
	case asBool:
		return strconv.AppendBool(buf, v[0] != 0), true
	case asInteger:
		return strconv.AppendInt(buf, integer(v), 10), true
	case asNumber:
		n := number(v)
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return buf, false
		}
		return strconv.AppendFloat(buf, n, 'f', -1, 64), true
	case asTime:
		if !isFinite(k, v) {
			return buf, false
		}
		return time.UnixMicro(epoch.UnixMicro()+integer(v)).UTC().AppendFormat(buf, "2006-01-02T15:04:05.999999Z07:00"), true
	case asDate:
		if !isFinite(k, v) {
			return buf, false
		}
		return epoch.AddDate(0, 0, int(day(v))).AppendFormat(buf, time.DateOnly), true
	}
	return buf, false
}

func integer(v []byte) int64  { return int64(binary.BigEndian.Uint64(v)) }
func number(v []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(v)) }
func day(v []byte) int32      { return int32(binary.BigEndian.Uint32(v)) }

// isFinite tells a time or a date from -infinity and infinity.
func isFinite(k kind, v []byte) bool {
	if k == asDate {
		return day(v) != math.MinInt32 && day(v) != math.MaxInt32
	}
	return integer(v) != math.MinInt64 && integer(v) != math.MaxInt64
}
