package simulate

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"google.golang.org/api/chat/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Started by the import of Google's libraries, for the life of the process.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The client's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
	)
}

const chatType = events.ChatPrefix

var (
	chatEventTypes   = events.TypeNames(events.OfSpaces)
	memberEventTypes = []string{
		chatType + "membership.v1.created", chatType + "membership.v1.updated", chatType + "membership.v1.deleted",
	}
	readEventTypes = []string{chatType + "spaceReadState.v1.updated", chatType + "threadReadState.v1.updated"}
)

const topic = "projects/spacekeeper-demo/topics/chat"

var start = time.Date(2026, 1, 3, 2, 18, 12, 886639000, time.UTC)

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// recorder is a Pub/Sub with one topic.
type recorder struct {
	mu       sync.Mutex
	gone     bool
	messages []*pubsubpb.PubsubMessage
	arrived  chan struct{} // one token per message
}

func newRecorder() *recorder { return &recorder{arrived: make(chan struct{}, 100_000)} }

func (r *recorder) Publish(topicName string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone || topicName != topic {
		return nil, errors.New("no such topic")
	}
	var ids []string
	for _, m := range messages {
		r.messages = append(r.messages, m)
		ids = append(ids, "id")
		r.arrived <- struct{}{}
	}
	return ids, nil
}

func (r *recorder) TopicExists(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.gone && name == topic
}

// take returns what has been published since the last take, but for lifecycle
// events.
func (r *recorder) take() []*pubsubpb.PubsubMessage {
	return r.takeIf(func(m *pubsubpb.PubsubMessage) bool { return !isLifecycle(m) })
}

// takeLifecycle returns the lifecycle events only.
func (r *recorder) takeLifecycle() []*pubsubpb.PubsubMessage { return r.takeIf(isLifecycle) }

func (r *recorder) takeIf(wanted func(*pubsubpb.PubsubMessage) bool) (list []*pubsubpb.PubsubMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = slices.DeleteFunc(r.messages, func(m *pubsubpb.PubsubMessage) bool {
		if wanted(m) {
			list = append(list, m)
		}
		return wanted(m)
	})
	return list
}

func isLifecycle(m *pubsubpb.PubsubMessage) bool {
	return strings.HasPrefix(m.Attributes["ce-type"], "google.workspace.events.subscription.")
}

// world is a Workspace with a clock that stands still, a recorder for Pub/Sub
// and Google's clients.
type world struct {
	*Workspace
	clock  *clock
	pubsub *recorder
	chat   *chat.Service
	events *workspaceevents.Service
	space  string // the first one
	people []string
}

func newWorld(t *testing.T, opts Options) *world {
	t.Helper()
	v := &world{clock: &clock{t: start}, pubsub: newRecorder()}
	opts.Now = v.clock.Now
	opts.Publisher = v.pubsub
	w, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	v.Workspace = w
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	v.chat, err = chat.NewService(t.Context(), option.WithEndpoint(w.ChatEndpoint()), option.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	v.events, err = workspaceevents.NewService(t.Context(), option.WithEndpoint(w.WorkspaceEventsEndpoint()), option.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	v.settleIn()
	return v
}

// settleIn picks the first space and its people.
func (v *world) settleIn() {
	spaces := v.Spaces()
	if len(spaces) == 0 {
		return
	}
	v.space = spaces[0].Name
	for _, u := range v.Members(v.space) {
		if u != v.App() {
			v.people = append(v.people, u)
		}
	}
}

// subscribe subscribes to all types of the first space, with data.
func (v *world) subscribe(t testing.TB, change ...func(*workspaceevents.Subscription)) *workspaceevents.Subscription {
	t.Helper()
	in := v.wanted()
	for _, fn := range change {
		fn(in)
	}
	op, err := v.events.Subscriptions.Create(in).Do()
	if err != nil {
		t.Fatal(err)
	}
	return subscriptionIn(t, op)
}

func (v *world) wanted() *workspaceevents.Subscription {
	return &workspaceevents.Subscription{
		TargetResource:       spaceTarget(v.space),
		EventTypes:           chatEventTypes,
		NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: topic},
		PayloadOptions:       &workspaceevents.PayloadOptions{IncludeResource: true},
	}
}

// outsider is a user who isn't in the first space.
func (v *world) outsider() string { return v.AddUser(false) }

// check fails the test on an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns the value of a call that can't fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// wantError checks what Google's client makes of an error reply.
func wantError(t testing.TB, err error, code int, status string) {
	t.Helper()
	var g *googleapi.Error
	if !errors.As(err, &g) {
		t.Fatalf("got %v, want a Google error %d", err, code)
	}
	if g.Code != code {
		t.Errorf("got code %d (%s), want %d", g.Code, g.Message, code)
	}
	if status != "" && !containsStatus(g.Body, status) {
		t.Errorf("got body %s, want status %s", g.Body, status)
	}
}

func mustDo(err error) {
	if err != nil {
		panic(err)
	}
}

// skip drops the value of a call that matters for its error only.
func skip(_ any, err error) error { return err }

// containsWord tells "OTHER" from a part of another reason.
func containsWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') }), word)
}
