package conformancetest_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
)

// notebook takes the complaints instead of the test.
type notebook struct {
	testing.TB
	errors []string
}

func (n *notebook) Errorf(format string, args ...any) {
	n.errors = append(n.errors, fmt.Sprintf(format, args...))
}

func send(t *testing.T, base, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(answer)
}

func TestProxyPassesOnAndComplains(t *testing.T) {
	t.Parallel()
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Cut") != "" || r.Method == http.MethodDelete {
			panic(http.ErrAbortHandler)
		}
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
	}))
	t.Cleanup(google.Close)
	n := &notebook{TB: t}
	proxy := conformancetest.RequestProxy(n, google.URL)

	code, answer := send(t, proxy, http.MethodPatch, "/v1/subscriptions/s?updateMask=ttl", `{"ttl":"0s"}`)
	if want := `PATCH /v1/subscriptions/s?updateMask=ttl {"ttl":"0s"}`; code != http.StatusTeapot || answer != want {
		t.Errorf("got %d %s, want %s", code, answer, want)
	}
	if len(n.errors) > 0 {
		t.Errorf("got complaints %q about a good request", n.errors)
	}
	if code, answer = send(t, proxy, http.MethodPost, "/v1/subscriptions/s:reactivate", `{"now":true}`); code != http.StatusTeapot {
		t.Errorf("got %d %s, want that a bad request goes on", code, answer)
	}
	if want := "POST /v1/subscriptions/s:reactivate: body.now: there is no such field"; !slices.Equal(n.errors, []string{want}) {
		t.Errorf("got complaints %q, want %q", n.errors, want)
	}
	if code, answer = send(t, proxy, http.MethodDelete, "/v1/subscriptions/s", ""); code != 0 {
		t.Errorf("got %d %s, want that the connection is cut", code, answer)
	}
	for _, id := range []string{"workspaceevents.subscriptions.patch", "workspaceevents.subscriptions.reactivate", "workspaceevents.subscriptions.delete"} {
		if !slices.Contains(conformancetest.Seen(), id) {
			t.Errorf("%s isn't among the methods seen: %q", id, conformancetest.Seen())
		}
	}
}

func TestProxyComplainsAboutAnswers(t *testing.T) {
	t.Parallel()
	var answer string
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(google.Close)
	n := &notebook{TB: t}
	proxy := conformancetest.Proxy(n, google.URL)
	for _, test := range []struct{ answer, complaint string }{
		{`{"name":"subscriptions/s","state":"ACTIVE","expireTime":"2026-11-22T10:00:00Z"}`, ""},
		{`{"name":"subscriptions/s","color":"red"}`, "answer.color: there is no such field"},
		{`{"state":"ASLEEP"}`, "none of its values"},
		{`<html>`, "the answer isn't one JSON value"},
	} {
		answer, n.errors = test.answer, nil
		if _, got := send(t, proxy, http.MethodGet, "/v1/subscriptions/s", ""); got != test.answer {
			t.Errorf("got %s, want %s", got, test.answer)
		}
		got := strings.Join(n.errors, "\n")
		if (got == "") != (test.complaint == "") || !strings.Contains(got, test.complaint) {
			t.Errorf("%s: got complaints %q, want %q", test.answer, n.errors, test.complaint)
		}
	}
}

// runs is a test binary that ends with this code.
type runs int

func (r runs) Run() int { return int(r) }

func TestMainMissesWhatWasNotCalled(t *testing.T) {
	t.Parallel()
	google := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(google.Close)
	send(t, conformancetest.Proxy(t, google.URL), http.MethodGet, "/v1/operations/o", "")
	const called, other = "workspaceevents.operations.get", "chat.spaces.list"
	for want, got := range map[int]int{
		0: conformancetest.Main(runs(0), called).Run(),
		1: conformancetest.Main(runs(0), called, other).Run(),
		2: conformancetest.Main(runs(2), other).Run(),
	} {
		if flag.Lookup("test.run").Value.String() != "" {
			t.Skip("only some of the tests run")
		}
		if got != want {
			t.Errorf("got exit code %d, want %d", got, want)
		}
	}
}
