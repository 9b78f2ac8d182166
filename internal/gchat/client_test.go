package gchat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// welcome is a request as the welcome reactor makes it.
var welcome = gchat.CreateMessage{
	Space:         "spaces/AAQA",
	Text:          "Welcome, <users/7>!",
	PrivateViewer: "users/7",
	RequestID:     "6f1f9a52-0f0f-5d52-8a3a-0c3c2f0e9f11",
	MessageID:     "client-w-0a1b2c",
}

const stored = `{"name":"spaces/AAQA/messages/M1","createTime":"2026-11-22T10:00:00.5Z",
	"sender":{"name":"users/99","type":"BOT"},"thread":{"name":"spaces/AAQA/threads/T1"}}`

var storedMessage = gchat.Message{
	Name:       "spaces/AAQA/messages/M1",
	Thread:     "spaces/AAQA/threads/T1",
	Sender:     "users/99",
	CreateTime: time.Date(2026, 11, 22, 10, 0, 0, 500_000_000, time.UTC),
}

// answer is what the scripted server does with a request.
type answer func(http.ResponseWriter, *http.Request)

func ok(body string) answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

func fail(code int, status, message string, header ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"status":%q}}`, code, message, status)
	}
}

// cut closes the connection without an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// truncated promises a body and sends half of it.
func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, stored[:20])
}

// hang answers nothing until the client has given up.
func hang(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// scripted is a client of a server that answers creates and gets as told.
type scripted struct {
	*gchat.Client
	creates, gets atomic.Int32
}

func script(t *testing.T, timeout time.Duration, create, get answer) *scripted {
	t.Helper()
	s := &scripted{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent to a loopback endpoint")
		}
		if r.Method == http.MethodPost {
			s.creates.Add(1)
			create(w, r)
			return
		}
		s.gets.Add(1)
		if want := "/v1/spaces/AAQA/messages/client-w-0a1b2c"; r.URL.Path != want {
			t.Errorf("got a look-up of %s, want %s", r.URL.Path, want)
		}
		get(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.RequestProxy(t, server.URL), CallTimeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.Client = client
	return s
}

func TestCreateMessageSendsTheRequest(t *testing.T) {
	t.Parallel()
	request := welcome
	request.ThreadKey = "welcome-2026-11"
	s := script(t, 0, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/spaces/AAQA/messages" {
			t.Errorf("got path %s", r.URL.Path)
		}
		for key, want := range map[string]string{
			"requestId": request.RequestID, "messageId": request.MessageID,
			"messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD",
		} {
			if got := r.URL.Query().Get(key); got != want {
				t.Errorf("got %s %q, want %q", key, got, want)
			}
		}
		var got any
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		want := map[string]any{
			"text":                 request.Text,
			"privateMessageViewer": map[string]any{"name": "users/7"},
			"thread":               map[string]any{"threadKey": "welcome-2026-11"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		ok(stored)(w, r)
	}, cut)
	got, err := s.CreateMessage(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(storedMessage, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if n := s.gets.Load(); n != 0 {
		t.Errorf("got %d look-ups after a plain success", n)
	}
}

func TestCreateMessageOutcomes(t *testing.T) {
	t.Parallel()
	const short = 100 * time.Millisecond // for the server that hangs
	gone := fail(404, "NOT_FOUND", "Message not found.")
	for _, c := range []struct {
		name        string
		create, get answer
		timeout     time.Duration
		want        gchat.Message
		permanent   bool
		retryAfter  time.Duration
		says        string // part of the error; "" for success
		gets        int32
	}{
		{name: "invalid", create: fail(400, "INVALID_ARGUMENT", "Bad emoji."), permanent: true, says: "doesn't accept the request: HTTP 400 Bad emoji."},
		{name: "token without the scope", create: fail(403, "PERMISSION_DENIED", "No.", "Www-Authenticate", `Bearer realm="x", error="insufficient_scope"`),
			says: "lacks a scope that this takes"},
		{name: "not a member", create: fail(403, "PERMISSION_DENIED", "No."), permanent: true, says: "add it to the space"},
		{name: "no space", create: fail(404, "NOT_FOUND", "No."), permanent: true, says: "the space doesn't exist any more"},
		{name: "too large", create: fail(413, "", ""), permanent: true, says: "HTTP 413"},
		{name: "bad credentials", create: fail(401, "UNAUTHENTICATED", "No."), says: "credentials"},
		{name: "too many", create: fail(429, "RESOURCE_EXHAUSTED", "Quota."), says: "too many requests"},
		{name: "too many, with a time", create: fail(429, "RESOURCE_EXHAUSTED", "Quota.", "Retry-After", "7"), retryAfter: 7 * time.Second, says: "too many requests"},
		{name: "too many, with an absurd time", create: fail(429, "RESOURCE_EXHAUSTED", "Quota.", "Retry-After", "2000000000"), retryAfter: time.Hour, says: "too many requests"},
		{name: "id taken, there", create: fail(409, "ALREADY_EXISTS", "Exists."), get: ok(stored), want: storedMessage, gets: 1},
		{name: "id taken, gone", create: fail(409, "ALREADY_EXISTS", "Exists."), get: gone, permanent: true, says: "it was sent before", gets: 1},
		{name: "id taken, deleted", create: fail(409, "ALREADY_EXISTS", "Exists."), get: ok(`{"name":"spaces/AAQA/messages/M1","deleteTime":"2026-11-22T10:00:00Z"}`),
			want: gchat.Message{Name: "spaces/AAQA/messages/M1", Deleted: true}, gets: 1},
		{name: "id taken, may not look", create: fail(409, "ALREADY_EXISTS", "Exists."), get: fail(403, "PERMISSION_DENIED", "No."),
			want: gchat.Message{Name: "spaces/AAQA/messages/client-w-0a1b2c"}, gets: 1},
		{name: "id taken, can't look now", create: fail(409, "ALREADY_EXISTS", "Exists."), get: fail(503, "UNAVAILABLE", ""), says: "exists already", gets: 1},
		{name: "aborted, sent", create: fail(409, "ABORTED", ""), get: ok(stored), want: storedMessage, gets: 1},
		{name: "aborted, not sent", create: fail(409, "ABORTED", ""), get: gone, says: "has a problem", gets: 1},
		{name: "aborted, may not look", create: fail(409, "ABORTED", ""), get: fail(403, "PERMISSION_DENIED", ""), says: "has a problem", gets: 1},
		{name: "conflict of a proxy's", create: fail(409, "", ""), get: gone, says: "has a problem", gets: 1},
		{name: "cancelled, sent", create: fail(499, "CANCELLED", ""), get: ok(stored), want: storedMessage, gets: 1},
		{name: "cancelled, not sent", create: fail(499, "CANCELLED", ""), get: gone, says: "has a problem", gets: 1},
		{name: "server error, sent", create: fail(500, "INTERNAL", ""), get: ok(stored), want: storedMessage, gets: 1},
		{name: "server error, not sent", create: fail(503, "UNAVAILABLE", "", "Retry-After", "3"), get: gone, retryAfter: 3 * time.Second, says: "has a problem", gets: 1},
		{name: "server error, can't look", create: fail(502, "", ""), get: fail(502, "", ""), says: "has a problem", gets: 1},
		{name: "server error, may not look", create: fail(500, "INTERNAL", ""), get: fail(403, "PERMISSION_DENIED", ""), says: "has a problem", gets: 1},
		{name: "cut, sent", create: cut, get: ok(stored), want: storedMessage, gets: 1},
		{name: "cut, not sent", create: cut, get: gone, says: "no answer came", gets: 1},
		{name: "half an answer", create: truncated, get: ok(stored), want: storedMessage, gets: 1},
		{name: "not JSON", create: ok("<html>"), get: ok(stored), want: storedMessage, gets: 1},
		{name: "timeout, sent", create: hang, get: ok(stored), timeout: short, want: storedMessage, gets: 1},
		{name: "timeout, not sent", create: hang, get: gone, timeout: short, says: "no answer came", gets: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.get == nil {
				c.get = cut
			}
			s := script(t, c.timeout, c.create, c.get)
			got, err := s.CreateMessage(t.Context(), welcome)
			if (err == nil) != (c.says == "") {
				t.Fatalf("got error %v, want %q", err, c.says)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "spaces/AAQA")) {
				t.Errorf("got error %q, want one with %q and the space", err, c.says)
			}
			if got := err != nil && reactors.IsPermanent(err); got != c.permanent {
				t.Errorf("got permanent %v, want %v: %v", got, c.permanent, err)
			}
			if delay, _ := reactors.RetryDelay(err); delay != c.retryAfter {
				t.Errorf("got a retry after %s, want %s", delay, c.retryAfter)
			}
			if creates, gets := s.creates.Load(), s.gets.Load(); creates != 1 || gets != c.gets {
				t.Errorf("got %d creates and %d look-ups, want 1 and %d", creates, gets, c.gets)
			}
		})
	}
}

func TestCreateMessageUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := gchat.New(t.Context(), gchat.Options{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	_, err = client.CreateMessage(t.Context(), welcome)
	if err == nil || reactors.IsPermanent(err) || !strings.Contains(err.Error(), "can't be reached") {
		t.Errorf("got error %v, want one that a retry may mend", err)
	}
}

func TestCreateMessageStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := script(t, 0, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	}, ok(stored))
	_, err := s.CreateMessage(ctx, welcome)
	if err == nil || reactors.IsPermanent(err) {
		t.Errorf("got error %v, want one that a retry may mend", err)
	}
	if n := s.gets.Load(); n != 0 {
		t.Errorf("got %d look-ups after the context ended, want 0", n)
	}
}

func TestCreateMessageRefusesWhatGoogleWould(t *testing.T) {
	t.Parallel()
	s := script(t, 0, cut, cut)
	for name, change := range map[string]func(*gchat.CreateMessage){
		"space":        func(m *gchat.CreateMessage) { m.Space = "AAQA" },
		"nested space": func(m *gchat.CreateMessage) { m.Space = "spaces/A/messages/B" },
		"viewer":       func(m *gchat.CreateMessage) { m.PrivateViewer = "7" },
		"request id":   func(m *gchat.CreateMessage) { m.RequestID = "" },
		"id":           func(m *gchat.CreateMessage) { m.MessageID = "client-UPPER" },
		"long id":      func(m *gchat.CreateMessage) { m.MessageID = "client-" + strings.Repeat("a", 57) },
		"no text":      func(m *gchat.CreateMessage) { m.Text = "" },
		"long text":    func(m *gchat.CreateMessage) { m.Text = strings.Repeat("é", 16_001) },
		"broken text":  func(m *gchat.CreateMessage) { m.Text = "\xff" },
	} {
		request := welcome
		change(&request)
		if _, err := s.CreateMessage(t.Context(), request); !reactors.IsPermanent(err) {
			t.Errorf("%s: got error %v, want a permanent one", name, err)
		}
	}
	if n := s.creates.Load(); n != 0 {
		t.Errorf("got %d requests, want none", n)
	}
}

func TestErrorsHoldNoMessageText(t *testing.T) {
	t.Parallel()
	s := script(t, 0, fail(400, "INVALID_ARGUMENT", "Invalid text: "+welcome.Text+"\nmore"), cut)
	_, err := s.CreateMessage(t.Context(), welcome)
	if err == nil || strings.Contains(err.Error(), "Welcome") || !strings.Contains(err.Error(), "Invalid text: (the text)") {
		t.Errorf("got error %v, want Google's words without the text", err)
	}
}

func TestMessageByClientID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		get   answer
		want  gchat.Message
		found bool
		err   string
	}{
		{name: "there", get: ok(stored), want: storedMessage, found: true},
		{name: "not there", get: fail(404, "NOT_FOUND", "")},
		{name: "refused", get: fail(403, "PERMISSION_DENIED", ""), err: "look up spaces/AAQA/messages/client-w-0a1b2c"},
		{name: "down", get: fail(503, "UNAVAILABLE", ""), err: "has a problem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, 0, cut, c.get)
			got, found, err := s.MessageByClientID(t.Context(), "spaces/AAQA", "client-w-0a1b2c")
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("got error %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || found != c.found {
				t.Errorf("found %v, want %v; message (-want +got):\n%s", found, c.found, diff)
			}
		})
	}
}
