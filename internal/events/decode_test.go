package events

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// attributesOf are the attributes of an event of the type, in spaces/S.
func attributesOf(ceType string) map[string]string {
	return map[string]string{
		"ce-id":              "spaces/S/spaceEvents/E",
		"ce-source":          "//workspaceevents.googleapis.com/subscriptions/W",
		"ce-specversion":     "1.0",
		"ce-subject":         "//chat.googleapis.com/spaces/S",
		"ce-time":            "2026-01-03T02:18:12.886639Z",
		"ce-type":            ceType,
		"ce-datacontenttype": "application/json; charset=utf-8",
	}
}

const messageCreated = "google.workspace.chat.message.v1.created"

func TestDecodeEscapes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, want string }{
		{`plain`, "plain"},
		{`\"\\\/\b\f\n\r\t`, "\"\\/\b\f\n\r\t"},
		{`\u0041\u00e9\u20ac\uffff`, "Aé€\uffff"},
		{`a\ud83d\udc4db`, "a👍b"},
		{`\uD83D\uDC4D`, "👍"},
		{`👍é`, "👍é"},
		{`exactly eight bytes, then \n`, "exactly eight bytes, then \n"},
		{"\x7f", "\x7f"},
	} {
		data := `{"message":{"name":"spaces/S/messages/M","text":"` + c.raw + `"}}`
		ev, bad := Decode(attributesOf(messageCreated), []byte(data))
		if bad != nil {
			t.Errorf("Decode %s: %v", c.raw, bad)
			continue
		}
		if got := ev.Items[0].Message.Text; got != c.want {
			t.Errorf("text %s: got %q, want %q", c.raw, got, c.want)
		}
	}
}

// A null stands for a field that isn't there.
func TestDecodeNulls(t *testing.T) {
	t.Parallel()
	ev, bad := Decode(attributesOf(messageCreated), []byte(`{"x":null,"message":{"name":"spaces/S/messages/M",
		"sender":null,"createTime":null,"text":null,"threadReply":null,"attachment":null,"thread":{"name":null}}}`))
	if bad != nil {
		t.Fatalf("Decode: %v", bad)
	}
	if diff := cmp.Diff(&Message{Name: "spaces/S/messages/M"}, ev.Items[0].Message); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

// What Google may add is no reason to refuse an event, whatever it holds: no
// part of it is built or stored other than as bytes. Keys match exactly, so one
// in other letters' case is another key.
func TestDecodeSkipsUnknownFields(t *testing.T) {
	t.Parallel()
	want := &Message{Name: "spaces/S/messages/M", Text: "hi"}
	for _, field := range []string{
		`"x":1e131071`, `"x":1e-309`, `"x":1E+99999999999999999999999999`, `"x":` + strings.Repeat("1", 65),
		`"NAME":"spaces/S/messages/N"`, `"Text":5`, `"k":1,"K":2,"\u212a":3`,
	} {
		data := `{` + field + `,"message":{` + field + `,"name":"spaces/S/messages/M","text":"hi","y":{` + field + `}}}`
		ev, bad := Decode(attributesOf(messageCreated), []byte(data))
		if bad != nil {
			t.Errorf("Decode with %s: %v", field, bad)
			continue
		}
		if diff := cmp.Diff(want, ev.Items[0].Message); diff != "" {
			t.Errorf("message with %s (-want +got):\n%s", field, diff)
		}
	}
}

func TestDecodeLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	data := []byte(`{"message":{"name":"spaces/S/messages/M","text":"one\ntwo","argumentText":"one"}}`)
	before := bytes.Clone(data)
	ev, bad := Decode(attributesOf(messageCreated), data)
	if bad != nil {
		t.Fatalf("Decode: %v", bad)
	}
	if !bytes.Equal(before, data) {
		t.Error("Decode changed the data")
	}
	clear(data)
	want := &Message{Name: "spaces/S/messages/M", Text: "one\ntwo", ArgumentText: "one"}
	if diff := cmp.Diff(want, ev.Items[0].Message); diff != "" {
		t.Errorf("the event shares memory with the data (-want +got):\n%s", diff)
	}
}

func TestDecodeTimeIsUTC(t *testing.T) {
	t.Parallel()
	attributes := attributesOf("com.example.thing")
	attributes["ce-time"] = "2026-01-03T04:18:12.886639+02:00"
	ev, bad := Decode(attributes, []byte(`{}`))
	if bad != nil {
		t.Fatalf("Decode: %v", bad)
	}
	want := time.Date(2026, 1, 3, 2, 18, 12, 886639000, time.UTC)
	if ev.Time != want {
		t.Errorf("time: got %v, want %v", ev.Time, want)
	}
}

// The details are logged and shown: they must not hold what people wrote.
func TestDetailNeverQuotesTheData(t *testing.T) {
	t.Parallel()
	const secret = "Zq"
	for _, data := range []string{
		`{"message":{"name":"Zq","text":"Zq"}}`,
		`{"message":{"text":"Zq"}}`,
		`{"message":{"Zq":1,"text":["Zq"]}}`,
		`{"message":{"Zq":1,"sender":"Zq"}}`,
		`{"message":[{"Zq":"Zq"}]}`,
		`{"message":{"createTime":"Zq"}}`,
		`{"Zq":1,"Zq":2}`,
		`{"Zq":"\u0000"}`,
		`{"Zq":"Zq`,
		`{"Zq":Zq}`,
		`"Zq"`,
		`{"message":{"name":"` + strings.Repeat(secret, 600) + `"}}`,
	} {
		_, bad := Decode(attributesOf(messageCreated), []byte(data))
		if bad == nil {
			t.Errorf("Decode accepted %s", data)
		} else if strings.Contains(bad.Error(), secret) {
			t.Errorf("detail of %s quotes it: %v", data, bad)
		}
		_, bad = Decode(nil, []byte(data))
		if bad == nil {
			t.Errorf("Decode accepted %s without attributes", data)
		} else if strings.Contains(bad.Error(), secret) {
			t.Errorf("detail of %s without attributes quotes it: %v", data, bad)
		}
	}
}

// Nor may a key of one element show in what is wrong with the next.
func TestDetailNeverQuotesAnotherElement(t *testing.T) {
	t.Parallel()
	ev, bad := Decode(attributesOf("google.workspace.chat.space.v1.batchUpdated"),
		[]byte(`{"spaces":[{"space":{"name":"spaces/S"},"Zq":1},"x"]}`))
	if bad != nil {
		t.Fatal(bad)
	}
	if bad = ev.Refused; bad == nil || bad.Reason != ReasonWrongType || strings.Contains(bad.Detail, "Zq") {
		t.Errorf("Decode: got %v", bad)
	}
}

// A message costs few allocations: the event, its message, four names, its
// text, and the room for keys.
func TestDecodeAllocations(t *testing.T) {
	data := benchMessage("Who broke it?")
	attributes := attributesOf(messageCreated)
	got := testing.AllocsPerRun(100, func() {
		if _, bad := Decode(attributes, data); bad != nil {
			t.Fatal(bad)
		}
	})
	if got > 8 {
		t.Errorf("allocations: got %.0f, want at most 8", got)
	}
}
