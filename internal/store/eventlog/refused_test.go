package eventlog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// One element that can't be understood costs nobody else their record: it is
// in quarantine, once, and its event has its bytes.
func TestBatchWithBadElements(t *testing.T) {
	t.Parallel()
	good := make([]string, 20)
	for i := range good {
		good[i] = fmt.Sprintf(`{"message":{"name":"%s/messages/%02d","text":"hi"}}`, space, i)
	}
	rest := strings.Join(good, ",")
	for name, bad := range map[string]string{
		"empty message": `{"message":{}}`, "empty element": `{}`, "null": `null`, "null message": `{"message":null}`,
		"another type": `{"message":{"name":7}}`, "no time": `{"message":{"name":"spaces/S/messages/x","createTime":"x"}}`,
		"several": `{},{},{"message":{}}`,
		"nul":     `{"message":{"name":"spaces/S/messages/x","text":"\u0000"}}`, "half a pair": `{"message":{"text":"\ud83d"}}`,
		"key twice": `{"message":{"name":"a","name":"a"}}`, "too deep": `{"x":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`,
		"not UTF-8": "{\"message\":{\"text\":\"\xff\"}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t, storetest.Options{Now: clock})
			for i, data := range []string{`{"messages":[` + bad + `,` + rest + `]}`, `{"messages":[` + rest + `,` + bad + `]}`} {
				d := decoded(t, fmt.Sprint(i), "message.v1.batchCreated", at(i), data)
				for try, want := range []events.Outcome{events.Recorded, events.Duplicate} {
					if got := record(t, s, d); got[0] != want {
						t.Errorf("try %d: %s, want %s", try, got[0], want)
					}
				}
				if got, err := s.Payloads(t.Context(), items.KeyOf(d.Event, d.MessageID)); err != nil || len(got) != 1 || !bytes.Equal(got[0], d.Data) {
					t.Errorf("the event's bytes are %d, %v, want %d", len(got), err, len(d.Data))
				}
			}
			got := column(t, s, `SELECT count(*)::text FROM events UNION ALL SELECT count(*)::text FROM messages
				UNION ALL SELECT count(*)::text FROM quarantine WHERE position('"hi"'::bytea IN data) > 0`)
			if diff := cmp.Diff([]string{"40", "20", "2"}, got); diff != "" {
				t.Errorf("events, messages, quarantined (-want +got):\n%s", diff)
			}
		})
	}
}

// An export is lines of JSON in UTF-8, whatever an element that was refused holds.
func TestExportOfBadElements(t *testing.T) {
	t.Parallel()
	for bad, isJSON := range map[string]bool{`{"x":"\u0000"}`: true, "{\"x\":\"\xff\"}": false} {
		s := storetest.New(t, storetest.Options{Now: clock})
		d := decoded(t, "1", "message.v1.batchCreated", at(1), `{"messages":[`+bad+`,{"message":{"name":"`+space+`/messages/1","text":"hi"}}]}`)
		record(t, s, d)
		var out bytes.Buffer
		if err := s.Export(t.Context(), originals.Filter{}, &out); err != nil {
			t.Fatal(err)
		}
		var line struct {
			Data  json.RawMessage
			Bytes []byte
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if isJSON != bytes.Equal(line.Data, d.Data) || isJSON == bytes.Equal(line.Bytes, d.Data) || !utf8.Valid(out.Bytes()) {
			t.Errorf("%q: exported %q", bad, out.Bytes())
		}
	}
}
