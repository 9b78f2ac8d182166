package events

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

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

// What somebody wanted of the app is read out of either envelope, and what is of
// another type than documented is left out: it refuses no event.
func TestInteractionTells(t *testing.T) {
	t.Parallel()
	const user = `"user":{"name":"users/1","type":"HUMAN"}`
	const space = `"space":{"name":"spaces/S","type":"DM"}`
	const text = `"message":{"name":"spaces/S/messages/T.M","text":"/ask why","thread":{"name":"spaces/S/threads/T"}`
	message := func(command int64) *Message {
		return &Message{Name: "spaces/S/messages/T.M", Text: "/ask why", Thread: "spaces/S/threads/T", Command: command}
	}
	who := User{Name: "users/1", Type: UserHuman}
	where := Space{Name: "spaces/S", SpaceType: "DIRECT_MESSAGE"}
	for name, tt := range map[string]struct {
		data string
		want Interaction
	}{
		"a slash command": {`{"type":"MESSAGE","eventTime":"2026-11-01T09:00:00Z",` + user + `,` + space + `,` + text + `,"slashCommand":{"commandId":"7"}}}`,
			Interaction{Type: "MESSAGE", User: who, Space: where, Message: message(7), Thread: "spaces/S/threads/T", Command: 7}},
		"a command's number": {`{"type":"APP_COMMAND","eventTime":"2026-11-01T09:00:00Z",` + user + `,` + space + `,"appCommandMetadata":{"appCommandId":3,"appCommandType":"QUICK_COMMAND"}}`,
			Interaction{Type: "APP_COMMAND", User: who, Space: where, Command: 3}},
		"a command in a thread, to an add-on": {`{"chat":{` + user + `,"eventTime":"2026-11-01T09:00:00Z","appCommandPayload":{` + space + `,"thread":{"name":"spaces/S/threads/T"},"appCommandMetadata":{"appCommandId":"3"}}}}`,
			Interaction{Type: "APP_COMMAND", AddOn: true, User: who, Space: where, Thread: "spaces/S/threads/T", Command: 3}},
		"a button": {`{"type":"CARD_CLICKED","eventTime":"2026-11-01T09:00:00Z",` + user + `,` + space + `,` + text + `},
			"action":{"actionMethodName":"approve","parameters":[{"key":"id","value":"7"},{"key":"n","value":7},{"value":"x"},3]}}`,
			Interaction{Type: "CARD_CLICKED", User: who, Space: where, Message: message(0), Thread: "spaces/S/threads/T", Function: "approve", Parameters: map[string]string{"id": "7", "n": ""}}},
		"a button of an add-on": {`{"commonEventObject":{"invokedFunction":"approve","parameters":{"id":"7","n":7}},"chat":{` + user + `,"eventTime":"2026-11-01T09:00:00Z","buttonClickedPayload":{` + space + `}}}`,
			Interaction{Type: "CARD_CLICKED", AddOn: true, User: who, Space: where, Function: "approve", Parameters: map[string]string{"id": "7"}}},
		"other types": {`{"type":"CARD_CLICKED","eventTime":"2026-11-01T09:00:00Z",` + user + `,` + space + `,"action":3,"common":{"invokedFunction":[1],"parameters":"x"},"appCommandMetadata":"y"}`,
			Interaction{Type: "CARD_CLICKED", User: who, Space: where}},
		"no number": {`{"type":"APP_COMMAND","eventTime":"2026-11-01T09:00:00Z",` + user + `,` + space + `,"appCommandMetadata":{"appCommandId":"first"}}`,
			Interaction{Type: "APP_COMMAND", User: who, Space: where}},
	} {
		ev, bad := Decode(nil, []byte(tt.data))
		if bad != nil {
			t.Errorf("%s: %v", name, bad)
			continue
		}
		if diff := cmp.Diff(&tt.want, ev.Items[0].Interaction); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A message that quotes another says which.
func TestQuoted(t *testing.T) {
	t.Parallel()
	ev, bad := Decode(attributesOf(messageCreated), []byte(`{"message":{"name":"spaces/S/messages/M","text":"there",
		"quotedMessageMetadata":{"name":"spaces/S/messages/Q","lastUpdateTime":"2026-11-01T09:00:00Z"}}}`))
	if bad != nil || ev.Items[0].Message.Quoted != "spaces/S/messages/Q" {
		t.Errorf("got %+v, %v", ev, bad)
	}
}
