package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

func prepared(t *testing.T, a *Action, p Params) json.RawMessage {
	t.Helper()
	request, err := a.Prepare(&p, prepareContext())
	if err != nil {
		t.Fatal(err)
	}
	return request.Body
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, otherSecret)
	a := newAction(t, r.options())
	p := Params{URL: r.URL, SecretFile: secretFile(t, "whsec_"+otherSecret)}
	result, err := a.Act(t.Context(), prepared(t, a, p))
	if err != nil {
		t.Fatal(err)
	}
	if want := (reactors.Result{Note: "answered 202"}); result != want {
		t.Errorf("result = %+v, want %+v", result, want)
	}
	if got, want := r.headers[0].Get("Content-Type"), "application/cloudevents+json"; got != want {
		t.Errorf("content type = %q, want %q", got, want)
	}
	c := prepareContext()
	var e event.Event
	if err := json.Unmarshal([]byte(r.bodies[0]), &e); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	got := []string{e.SpecVersion(), e.ID(), e.Type(), e.Source(), e.Subject(), e.Time().Format(time.RFC3339), e.DataContentType()}
	want := []string{
		"1.0", c.IDs.Request("0.0"), "spacekeeper.reactor.message.created", "//spacekeeper/tell%20siem",
		"spaces/AAA", "2026-03-01T09:00:00Z", "application/json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if got := r.headers[0].Get("webhook-id"); got != e.ID() {
		t.Errorf("webhook-id = %q, want the event's id %q", got, e.ID())
	}
	var data Data
	if err := e.DataAs(&data); err != nil {
		t.Fatal(err)
	}
	wantData := Data{
		Rule: "tell siem", Trigger: reactors.MessageCreated,
		Event:  Event{ID: c.Facts.Event.ID, Type: c.Facts.Event.Type, Time: c.Facts.Event.Time},
		Space:  Space{Name: "spaces/AAA"},
		Member: Member{Name: "users/1", Type: "HUMAN"},
		Message: &Message{
			Name: "spaces/AAA/messages/M", Thread: "spaces/AAA/threads/T",
		},
	}
	if diff := cmp.Diff(wantData, data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestTextOnlyIfAskedFor(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	for _, include := range []bool{false, true} {
		request := prepared(t, a, Params{URL: "https://example.com", SecretFile: "f", IncludeText: include})
		if got := strings.Contains(string(request), canary); got != include {
			t.Errorf("with include_text %t: the request holds the text or a name: %t", include, got)
		}
	}
}

// TestSecretsRotate: the receiver's secret is replaced by another while both
// are in the file, and the request was stored before.
func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	const old = "b2xkIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzLg=="
	r := newReceiver(t, otherSecret)
	a := newAction(t, r.options())
	p := Params{URL: r.URL, SecretFile: secretFile(t, "whsec_"+old+"\n")}
	request := prepared(t, a, p)
	if strings.Contains(string(request), old) {
		t.Error("the secret is stored")
	}
	if _, err := a.Act(t.Context(), request); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "401") {
		t.Errorf("Act with the old secret: error %v, want a permanent 401", err)
	}
	if err := os.WriteFile(p.SecretFile, []byte("# new, old\nwhsec_"+otherSecret+"\n\n"+old+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Act(t.Context(), request); err != nil {
		t.Errorf("Act with both secrets: %v", err)
	}
	if got := len(strings.Fields(r.headers[0].Get("webhook-signature"))); got != 2 {
		t.Errorf("%d signatures, want 2", got)
	}
}

func TestBadSecretFiles(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{})
	for name, content := range map[string]string{
		"empty":      "\n# none\n",
		"not base64": "whsec_" + otherSecret + "\nwhsec_%%" + canary,
		"too short":  "whsec_" + otherSecret[:16],
		"too long":   "whsec_" + strings.Repeat(otherSecret, 3),
		"too many":   strings.Repeat("whsec_"+otherSecret+"\n", maxSecrets+1),
		"long line":  strings.Repeat("A", readfile.Secret+10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := prepared(t, a, Params{URL: "https://example.com", SecretFile: secretFile(t, content)})
			_, err := a.Act(t.Context(), request)
			if err == nil || reactors.IsPermanent(err) || strings.Contains(err.Error(), canary) {
				t.Errorf("Act: error %v, want one that a retry may mend and that tells no secret", err)
			}
		})
	}
	if _, err := a.Act(t.Context(), prepared(t, a, Params{URL: "https://example.com", SecretFile: "/nowhere/secret"})); err == nil || reactors.IsPermanent(err) {
		t.Errorf("Act without its secret file: error %v, want one that a retry may mend", err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, otherSecret)
	a := newAction(t, r.options())
	request := prepared(t, a, Params{URL: r.URL, SecretFile: secretFile(t, otherSecret)})
	for _, test := range []struct {
		status    int
		retry     string
		permanent bool
		after     time.Duration
	}{
		{status: 200}, {status: 204}, {status: 299},
		{status: 301, permanent: true}, {status: 302, permanent: true}, {status: 304, permanent: true}, {status: 307, permanent: true},
		{status: 400, permanent: true}, {status: 401, permanent: true}, {status: 403, permanent: true},
		{status: 404, permanent: true}, {status: 410, permanent: true}, {status: 413, permanent: true},
		{status: 408}, {status: 425}, {status: 429}, {status: 500}, {status: 503},
		{status: 429, retry: "120", after: 2 * time.Minute},
		{status: 503, retry: "86400", after: maxRetryAfter},
		{status: 503, retry: "-5"}, {status: 503, retry: "soon"},
	} {
		r.mu.Lock()
		r.answer, r.retry, r.location = test.status, test.retry, r.URL+"/elsewhere"
		r.mu.Unlock()
		_, err := a.Act(t.Context(), request)
		if (err == nil) != (test.status < 300) || reactors.IsPermanent(err) != test.permanent {
			t.Errorf("%d: error %v, want a permanent one: %t", test.status, err, test.permanent)
		}
		if got, _ := reactors.RetryDelay(err); got != test.after {
			t.Errorf("%d with Retry-After %q: after %s, want %s", test.status, test.retry, got, test.after)
		}
	}
	if got := r.effects(); got != 1 {
		t.Errorf("%d distinct ids, want 1", got)
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got, ok := delay(header, now); ok != (want > 0) || ok && got != want {
			t.Errorf("delay(%q) = %s, %t, want %s", header, got, ok, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://hooks.example.com/x?y=z": "",
		"https://93.184.216.34/x":         "",
		"":                                "missing",
		"hooks.example.com":               "not an address",
		"http://hooks.example.com":        "must begin with https",
		"http://127.0.0.1/x":              "must begin with https",
		"ftp://hooks.example.com":         "must begin with https",
		"https:hooks.example.com":         "not an address",
		"https://":                        "not an address",
		"https://exa mple.com":            "not an address",
		"https://me:pw@example.com":       "user or password",
		"https://example.com/#x":          "# part",
		"https://example.com/{{ x }}":     "placeholders",
		"https://10.0.0.1/":               "may not reach (private)",
		"https://[::1]/":                  "may not reach (loopback)",
	} {
		problems := newAction(t, Options{}).Check(&Params{URL: raw, SecretFile: "f"})
		switch {
		case want == "" && len(problems) > 0:
			t.Errorf("Check(%q) = %+v", raw, problems)
		case want != "" && (len(problems) != 1 || problems[0].Field != "url" || !strings.Contains(problems[0].Message, want)):
			t.Errorf("Check(%q) = %+v, want %q", raw, problems, want)
		}
	}
	if got := newAction(t, Options{}).Check(&Params{URL: "https://example.com"}); len(got) != 1 || got[0].Field != "secret_file" {
		t.Errorf("Check without secret_file = %+v", got)
	}
}

func TestLoopbackByHTTPIfAllowed(t *testing.T) {
	t.Parallel()
	a := newAction(t, Options{AllowLoopback: true})
	for raw, want := range map[string]int{
		"http://127.0.0.1:8080/x": 0, "http://localhost:8080": 0, "http://[::1]:1/": 0,
		"http://example.com": 1, "http://10.0.0.1": 1,
	} {
		if got := a.Check(&Params{URL: raw, SecretFile: "f"}); len(got) != want {
			t.Errorf("Check(%q) = %+v, want %d problems", raw, got, want)
		}
	}
}
