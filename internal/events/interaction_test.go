package events

import "testing"

// Null stands for a key that isn't there: it decides nothing. Nor does what a
// developer calls the inputs of a form.
func TestInteractionType(t *testing.T) {
	t.Parallel()
	const added = `"addedToSpacePayload":{"space":{"name":"spaces/S"}}`
	for _, tt := range []struct {
		name, data, want string
		addOn            bool
	}{
		{"a null payload before", `{"chat":{"eventTime":"2026-11-01T09:00:00Z","messagePayload":null,` + added + `}}`, "ADDED_TO_SPACE", true},
		{"a null payload after", `{"chat":{"eventTime":"2026-11-01T09:00:00Z",` + added + `,"messagePayload":null}}`, "ADDED_TO_SPACE", true},
		{"a null add-on", `{"type":"MESSAGE","eventTime":"2026-11-01T09:00:00Z","chat":null}`, "MESSAGE", false},
		{"a null structured mode", `{"type":"MESSAGE","eventTime":"2026-11-01T09:00:00Z","specversion":null}`, "MESSAGE", false},
		{"inputs that differ by case", `{"type":"CARD_CLICKED","eventTime":"2026-11-01T09:00:00Z",
			"common":{"parameters":{"id":"1","ID":"2"},"formInputs":{"name":{},"Name":{},"NAME":null}}}`, "CARD_CLICKED", false},
		{"an add-on's inputs that differ by case", `{"commonEventObject":{"parameters":{"id":"1","ID":"2"},"formInputs":{"name":{},"Name":{}}},
			"chat":{"eventTime":"2026-11-01T09:00:00Z","buttonClickedPayload":{}}}`, "CARD_CLICKED", true},
	} {
		ev, bad := Decode(nil, []byte(tt.data))
		if bad != nil {
			t.Errorf("%s: %v", tt.name, bad)
			continue
		}
		if in := ev.Items[0].Interaction; in.Type != tt.want || in.AddOn != tt.addOn {
			t.Errorf("%s: got %q, add-on %v; want %q, %v", tt.name, in.Type, in.AddOn, tt.want, tt.addOn)
		}
	}
}

// A field that is null doesn't make content of a payload that holds names only.
func TestNullIsNoContent(t *testing.T) {
	t.Parallel()
	ev, bad := Decode(attributesOf(messageCreated), []byte(`{"message":{"name":"spaces/S/messages/M","text":null}}`))
	if bad != nil || ev.Items[0].Message != nil {
		t.Errorf("got %+v, %v; want a name only", ev, bad)
	}
}
