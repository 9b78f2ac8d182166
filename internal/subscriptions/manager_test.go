package subscriptions_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func TestMain(m *testing.M) {
	checked := conformancetest.Main(m,
		"workspaceevents.subscriptions.create", "workspaceevents.subscriptions.delete", "workspaceevents.subscriptions.get",
		"workspaceevents.subscriptions.list", "workspaceevents.subscriptions.patch", "workspaceevents.subscriptions.reactivate",
		"workspaceevents.operations.get",
	)
	// Started by an init function below the Pub/Sub client; never ends.
	os.Exit(storetest.Main(checked, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")))
}

// stage is a simulated Workspace and a manager that talks to it through a
// server that can break calls.
type stage struct {
	*subscriptions.Manager
	workspace *simulate.Workspace
	endpoint  string

	mu    sync.Mutex
	calls []string // "POST /v1/subscriptions"
	fault func(w http.ResponseWriter, r *http.Request, n int) bool
}

func start(t *testing.T, opts simulate.Options) *stage {
	t.Helper()
	opts.Publisher = simulatetest.Deaf{Topic: "chat-events"}
	if opts.Spaces == 0 {
		opts.Spaces = 2
	}
	ws, err := simulate.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{workspace: ws}
	target, err := url.Parse(ws.WorkspaceEventsEndpoint())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0), // about clients that hang up
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+r.URL.Path)
		n, fault := len(s.calls), s.fault
		s.mu.Unlock()
		if fault == nil || !fault(w, r, n) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	s.endpoint = front.URL
	s.Manager = s.manager(t)
	return s
}

// manager is another one, as a second person at another machine has.
func (s *stage) manager(t *testing.T) *subscriptions.Manager {
	t.Helper()
	m, err := subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: s.endpoint, Transport: conformancetest.Check(t, &http.Transport{}),
		Backoff: time.Millisecond, OperationTimeout: 10 * time.Second, Wait: hurry,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// hurry waits for as long as an operation may need to be done, not for quotas.
func hurry(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(min(d, 10*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stage) breakCalls(fault func(w http.ResponseWriter, r *http.Request, n int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.calls = fault, nil
}

func (s *stage) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

// desired asks for every space of the Workspace.
func (s *stage) desired() []subscriptions.Desired {
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = s.workspace.Project(), "chat-events"
	for _, space := range s.workspace.Spaces() {
		cfg.Workspace.Spaces = append(cfg.Workspace.Spaces, space.Name)
	}
	return subscriptions.DesiredFrom(cfg)
}

func outcomes(results []subscriptions.Result) string {
	var list []string
	for _, r := range results {
		list = append(list, string(r.Outcome))
	}
	return strings.Join(list, " ")
}

func answerError(w http.ResponseWriter, code int, status, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"status":%q}}`, code, message, status)
}

func TestApplyIsIdempotent(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{})
	want := s.desired()
	first, err := s.Apply(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(first); got != "created created" {
		t.Errorf("first apply: got %s", got)
	}
	for i, r := range first {
		sub := r.Subscription
		if r.Scope != want[i].Scope || sub.Scope() != want[i].Scope || sub.Topic != want[i].Topic || !sub.IncludeResource ||
			sub.State != subscriptions.StateActive || len(sub.EventTypes) != 10 || time.Until(sub.ExpireTime) <= 0 {
			t.Errorf("got %+v for %s", sub, want[i].Scope)
		}
	}
	second, err := s.Apply(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(second); got != "unchanged unchanged" {
		t.Errorf("second apply: got %s", got)
	}
	listed, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != 2 {
		t.Errorf("got %d subscriptions, want 2", len(listed))
	}
}

func TestApplyAwaitsOperations(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1, OperationDelay: 150 * time.Millisecond})
	results, err := s.Apply(t.Context(), s.desired())
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(results); got != "created" || results[0].Subscription == nil {
		t.Errorf("got %s, %+v", got, results[0].Subscription)
	}
	if s.count("GET /v1/operations/") == 0 {
		t.Error("the operation was not polled")
	}
}

func TestApplyWithoutContent(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	s.breakCalls(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if r.Method == http.MethodPost && !bytes.Contains(body, []byte(`"payloadOptions":{"includeResource":false}`)) {
			t.Errorf("got request %s (%v), want includeResource in it", body, err)
		}
		return false
	})
	want := s.desired()
	want[0].IncludeResource = false
	if _, err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	listed, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != 1 || listed[0].IncludeResource || time.Until(listed[0].ExpireTime) < 6*24*time.Hour {
		t.Errorf("got %+v, want names only for 7 days", listed)
	}
}

func TestApplyAdopts(t *testing.T) {
	t.Parallel()
	for name, bare := range map[string]bool{"by its name": false, "by its target": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, simulate.Options{Spaces: 1, BareConflicts: bare})
			want := s.desired()
			if _, err := s.Apply(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			// The list was read before the other one created it.
			r := s.Do(t.Context(), subscriptions.Action{Kind: subscriptions.Create, Desired: want[0]})
			if r.Err != nil || r.Outcome != subscriptions.Adopted || r.Subscription.Scope() != want[0].Scope {
				t.Errorf("got %s, %v", r.Outcome, r.Err)
			}
			// What is adopted is brought to what is desired, too.
			want[0].EventTypes = want[0].EventTypes[:3]
			r = s.Do(t.Context(), subscriptions.Action{Kind: subscriptions.Create, Desired: want[0]})
			if r.Err != nil || r.Outcome != subscriptions.Updated || len(r.Subscription.EventTypes) != 3 {
				t.Errorf("got %s, %v", r.Outcome, r.Err)
			}
			want[0].Topic += "-2"
			r = s.Do(t.Context(), subscriptions.Action{Kind: subscriptions.Create, Desired: want[0]})
			if r.Outcome != subscriptions.Failed || r.Err == nil {
				t.Errorf("got %s, want a refusal of the other topic", r.Outcome)
			}
		})
	}
}

func TestApplyTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 5})
	want := s.desired()
	var wg sync.WaitGroup
	for range 4 {
		m := s.manager(t)
		wg.Go(func() {
			if results, err := m.Apply(t.Context(), want); err != nil {
				t.Errorf("%s: %v", outcomes(results), err)
			}
		})
	}
	wg.Wait()
	listed, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != 5 {
		t.Errorf("got %d subscriptions, want 5", len(listed))
	}
}

func TestApplyUpdatesEventTypes(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	want := s.desired()
	if _, err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	want[0].EventTypes = []string{"google.workspace.chat.message.v1.created", "google.workspace.chat.membership.v1.created"}
	results, err := s.Apply(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantTypes := []string{"google.workspace.chat.membership.v1.created", "google.workspace.chat.message.v1.created"}
	for _, got := range [][]string{results[0].Subscription.EventTypes, listed[0].EventTypes} {
		if diff := cmp.Diff(wantTypes, got); diff != "" {
			t.Errorf("event types (-want +got):\n%s", diff)
		}
	}
}

func TestApplyLeavesTheWrongTopicAlone(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{})
	want := s.desired()
	if _, err := s.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	want[0].Topic = "projects/" + s.workspace.Project() + "/topics/other/chat-events"
	results, err := s.Apply(t.Context(), want)
	if got := outcomes(results); got != "failed unchanged" || err == nil {
		t.Errorf("got %s, %v; want the first refused and the second kept", got, err)
	}
	if !strings.Contains(err.Error(), want[0].Scope) || !strings.Contains(err.Error(), "subscribe-setup apply") {
		t.Errorf("got error %v, want the space and what to do", err)
	}
	if n := s.count("DELETE"); n != 0 {
		t.Errorf("got %d deletions, want none", n)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{})
	results, err := s.Apply(t.Context(), s.desired())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{results[0].Scope, results[0].Subscription.Name} {
		if got, err := s.Find(t.Context(), name); err != nil || got.UID != results[0].Subscription.UID {
			t.Errorf("find %s: got %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"spaces/Absent", "users/1", "subscriptions/absent"} {
		if _, err := s.Find(t.Context(), name); !errors.Is(err, subscriptions.ErrNone) || !strings.Contains(err.Error(), name) {
			t.Errorf("find %s: got %v, want that there is none", name, err)
		}
	}
}

func TestCallsAreRetried(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	s.breakCalls(func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case 1, 2, 3, 4:
			answerError(w, 429, "RESOURCE_EXHAUSTED", "Quota exceeded.")
		case 6:
			answerError(w, 503, "UNAVAILABLE", "Try again.")
		case 7:
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	})
	results, err := s.Apply(t.Context(), s.desired())
	if err != nil || outcomes(results) != "created" {
		t.Errorf("got %s, %v", outcomes(results), err)
	}
	if lists, creates := s.count("GET /v1/subscriptions"), s.count("POST"); lists != 5 || creates != 3 {
		t.Errorf("got %d lists and %d creates, want 5 and 3", lists, creates)
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]int{429: 7, 500: 4, 400: 1, 403: 1} {
		s := start(t, simulate.Options{Spaces: 1})
		s.breakCalls(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			answerError(w, code, "", "Broken.")
			return true
		})
		if _, err := s.List(t.Context()); err == nil {
			t.Errorf("%d: got no error", code)
		}
		if got := s.count("GET"); got != want {
			t.Errorf("%d: got %d calls, want %d", code, got, want)
		}
	}
}

func TestALostAnswerIsAdopted(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 1})
	want := s.desired()
	other := s.manager(t)
	var once sync.Once
	s.breakCalls(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		lost := false
		if r.Method == http.MethodPost {
			once.Do(func() { lost = true })
		}
		if lost { // Google creates it, and the answer gets lost
			if r := other.Do(t.Context(), subscriptions.Action{Kind: subscriptions.Create, Desired: want[0]}); r.Err != nil {
				t.Error(r.Err)
			}
			panic(http.ErrAbortHandler)
		}
		return false
	})
	results, err := s.Apply(t.Context(), want)
	if err != nil || outcomes(results) != "adopted" {
		t.Errorf("got %s, %v", outcomes(results), err)
	}
}

func TestOperationsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operation string
		says      string
	}{
		"conflict, invisible": {`{"name":"operations/1","done":true,"error":{"code":6,"message":"Exists."}}`, "may still be creating it"},
		"no publisher":        {`{"name":"operations/1","done":true,"error":{"code":7,"message":"Permission denied on the Pub/Sub topic."}}`, "roles/pubsub.publisher"},
		"internal":            {`{"name":"operations/1","done":true,"error":{"code":13,"message":"Oops."}}`, "Google has a problem"},
		"no answer":           {`{"name":"operations/1","done":true}`, "shows no subscription"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, simulate.Options{Spaces: 1})
			s.breakCalls(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method != http.MethodPost {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, c.operation)
				return true
			})
			_, err := s.Apply(t.Context(), s.desired())
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), s.desired()[0].Scope) {
				t.Errorf("got error %v, want the space and %q", err, c.says)
			}
		})
	}
}

func TestApplyStopsWithItsContext(t *testing.T) {
	t.Parallel()
	s := start(t, simulate.Options{Spaces: 20, OperationDelay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	s.breakCalls(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		if strings.HasPrefix(r.URL.Path, "/v1/operations/") {
			cancel()
		}
		return false
	})
	if _, err := s.Apply(ctx, s.desired()); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("got error %v, want that it was cancelled", err)
	}
	if n := s.count("POST"); n > 8 {
		t.Errorf("got %d creates, want none but those that were under way", n)
	}
}
