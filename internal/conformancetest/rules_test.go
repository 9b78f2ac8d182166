package conformancetest

import (
	"net/http"
	"strings"
	"testing"
)

const (
	subscription = `{"targetResource":"//chat.googleapis.com/spaces/S","eventTypes":["t"],"notificationEndpoint":{"pubsubTopic":"projects/p/topics/t"}`
	messages     = "/v1/spaces/S/messages"
)

// Each rule is broken once.
func TestRules(t *testing.T) {
	t.Parallel()
	known, err := methods()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, url, body string
		id, complaint     string // complaint "" for a good request
	}{
		"list":              {"GET", "/v1/subscriptions?filter=x&pageSize=100&alt=json&prettyPrint=false", "", "workspaceevents.subscriptions.list", ""},
		"get":               {"GET", "/v1/subscriptions/s", "", "workspaceevents.subscriptions.get", ""},
		"operation":         {"GET", "/v1/operations/o/p", "", "workspaceevents.operations.get", ""},
		"create":            {"POST", "/v1/subscriptions?validateOnly=true", subscription + `,"ttl":"86400s"}`, "workspaceevents.subscriptions.create", ""},
		"patch":             {"PATCH", "/v1/subscriptions/s?updateMask=event_types,expireTime", `{"eventTypes":["t"],"expireTime":"2026-11-22T10:00:00.123456Z"}`, "workspaceevents.subscriptions.patch", ""},
		"reactivate":        {"POST", "/v1/subscriptions/s:reactivate", `{}`, "workspaceevents.subscriptions.reactivate", ""},
		"delete":            {"DELETE", "/v1/subscriptions/s?allowMissing=true&etag=e", "", "workspaceevents.subscriptions.delete", ""},
		"message":           {"POST", messages + "?messageId=client-1&messageReplyOption=REPLY_MESSAGE_OR_FAIL", `{"text":"hi","thread":{"threadKey":"k"}}`, "chat.spaces.messages.create", ""},
		"space events":      {"GET", "/v1/spaces/S/spaceEvents?filter=x", "", "chat.spaces.spaceEvents.list", ""},
		"a deeper resource": {"GET", "/v1/spaces/S/messages/M", "", "chat.spaces.messages.get", ""},
		"a service":         {"GET", "/v1/projects/p/services/s.googleapis.com", "", "serviceusage.services.get", ""},

		"no such path":       {"GET", "/v2/subscriptions", "", "", "no API has a method"},
		"path pattern":       {"GET", "/v1/subscriptions/s/t", "", "", "no API has a method"},
		"no such verb":       {"POST", "/v1/subscriptions/s:revive", `{}`, "", "no API has a method"},
		"wrong method":       {"PUT", "/v1/subscriptions", subscription + "}", "", "called by"},
		"unknown parameter":  {"GET", "/v1/subscriptions/s?view=full", "", "", "has none of this name"},
		"deprecated":         {"POST", messages + "?threadKey=k", `{}`, "", "deprecated"},
		"twice":              {"GET", "/v1/subscriptions?filter=x&filter=y", "", "", "is there 2 times"},
		"parameter type":     {"GET", "/v1/subscriptions?filter=x&pageSize=many", "", "", "no int32"},
		"parameter boolean":  {"DELETE", "/v1/subscriptions/s?validateOnly=yes", "", "", "no boolean"},
		"parameter enum":     {"POST", messages + "?messageReplyOption=SHOUT", `{}`, "", "none of its values"},
		"required":           {"GET", "/v1/subscriptions", "", "", "filter is required"},
		"mask path":          {"PATCH", "/v1/subscriptions/s?updateMask=ttl,color", `{}`, "", `no field "color"`},
		"mask below":         {"PATCH", "/v1/subscriptions/s?updateMask=notification_endpoint.topic", `{}`, "", "no field"},
		"mask of read only":  {"PATCH", "/v1/subscriptions/s?updateMask=suspension_reason", `{}`, "", "set by Google only"},
		"mask form":          {"PATCH", "/v1/subscriptions/s?updateMask=ttl%3Betag", `{}`, "", "no list of fields"},
		"unknown field":      {"POST", "/v1/subscriptions", subscription + `,"color":"red"}`, "", "body.color: there is no such field"},
		"unknown below":      {"POST", "/v1/subscriptions", subscription + `,"payloadOptions":{"all":true}}`, "", "body.payloadOptions.all"},
		"snake case":         {"POST", "/v1/subscriptions", subscription + `,"payload_options":{}}`, "", "no such field"},
		"read only":          {"POST", "/v1/subscriptions", subscription + `,"state":"ACTIVE"}`, "", "body.state is set by Google only"},
		"read only object":   {"POST", messages, `{"sender":{"name":"users/1"}}`, "", "body.sender is set by Google only"},
		"required field":     {"POST", "/v1/subscriptions", `{"eventTypes":["t"],"notificationEndpoint":{}}`, "", "body.targetResource is required"},
		"field type":         {"POST", "/v1/subscriptions", subscription + `,"payloadOptions":{"includeResource":"true"}}`, "", "a string instead of boolean"},
		"number for string":  {"POST", messages, `{"text":1}`, "", "a number instead of string"},
		"boolean for string": {"POST", messages, `{"text":true}`, "", "a boolean instead of string"},
		"list for object":    {"POST", messages, `{"thread":[]}`, "", "a list instead of object"},
		"object for string":  {"POST", messages, `{"text":{}}`, "", "an object instead of string"},
		"list item":          {"POST", "/v1/subscriptions", `{"eventTypes":["t",2],"targetResource":"","notificationEndpoint":{}}`, "", "body.eventTypes[1]"},
		"null":               {"POST", messages, `{"text":null}`, "", "null"},
		"field enum":         {"POST", "/v1/spaces", `{"spaceType":"PIGEON"}`, "", "none of its values"},
		"duration":           {"PATCH", "/v1/subscriptions/s?updateMask=ttl", `{"ttl":"1h"}`, "", "no duration"},
		"time":               {"PATCH", "/v1/subscriptions/s?updateMask=expireTime", `{"expireTime":"tomorrow"}`, "", "no google-datetime"},
		"body where none is": {"GET", "/v1/subscriptions/s", `{}`, "", "takes no body"},
		"no body":            {"POST", "/v1/subscriptions/s:reactivate", "", "", "isn't one JSON value"},
		"two values":         {"POST", "/v1/subscriptions/s:reactivate", "{}{}", "", "isn't one JSON value"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, "http://127.0.0.1:1"+test.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		called, complaints := inspect(known, r, []byte(test.body))
		id := ""
		if called != nil {
			id = called.ID
		}
		got := strings.Join(complaints, "\n")
		if (got == "") != (test.complaint == "") || !strings.Contains(got, test.complaint) || test.id != "" && id != test.id {
			t.Errorf("%s: got %s with complaints %q, want %s with %q", name, id, complaints, test.id, test.complaint)
		}
		if len(complaints) > 1 {
			t.Errorf("%s: got %q, want one complaint only", name, complaints)
		}
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	known, err := methods()
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1"+messages, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	if _, complaints := inspect(known, r, []byte(`{}`)); len(complaints) != 1 || !strings.Contains(complaints[0], "Content-Type") {
		t.Errorf("got %q, want a complaint about the Content-Type", complaints)
	}
}

// Every format of the documents is known, so that none passes unchecked.
func TestFormats(t *testing.T) {
	t.Parallel()
	known, err := methods()
	if err != nil {
		t.Fatal(err)
	}
	documents := map[*document]bool{}
	for _, m := range known {
		documents[m.document] = true
	}
	if len(documents) != len(files) {
		t.Errorf("got methods of %d documents, want of %d", len(documents), len(files))
	}
	var walk func(at string, s *schema)
	walk = func(at string, s *schema) {
		if s == nil {
			return
		}
		switch s.Type {
		case "", "object", "array", "any":
		default:
			if got := wrongType(s, "?"); strings.Contains(got, "isn't checked") {
				t.Errorf("%s: %s", at, got)
			}
		}
		walk(at+"[]", s.Items)
		walk(at+".*", s.Additional)
		for name, p := range s.Properties {
			walk(at+"."+name, p)
		}
	}
	for d := range documents {
		for name, s := range d.Schemas {
			walk(name, s)
		}
	}
	for _, m := range known {
		for name, p := range m.Parameters {
			walk(m.ID+"?"+name, p)
		}
	}
}
