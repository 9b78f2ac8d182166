package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Publisher takes the events: the broker as Chat may use it, or a test's
// recorder.
type Publisher interface {
	// Publish appends the messages to the topic ("projects/P/topics/T") and
	// answers with their ids. It errors if the topic doesn't exist.
	Publish(topic string, messages ...*pubsubpb.PubsubMessage) ([]string, error)
	// TopicExists is asked when a subscription to the topic is created.
	TopicExists(topic string) bool
}

// A Publisher that also has MayPublish(topic string) bool is asked whether
// Chat's service account may publish, when a subscription is reactivated. An
// error of Publish with the gRPC status PERMISSION_DENIED, NOT_FOUND or
// RESOURCE_EXHAUSTED suspends for that reason, any other for OTHER.

// Options says what Workspace to start. The zero value works.
type Options struct {
	Seed    uint64 // everything that is made up follows from it
	Spaces  int    // named spaces at the start; 0 means 3, negative none
	Users   int    // people at the start; 0 means 20, negative none
	Flat    int    // how many of the spaces, the last ones, have no threads
	Project string // Google Cloud project of the topics; "" means "spacekeeper-demo"
	App     string // user id of the Chat app, digits only; "" makes one up

	Addrs Addrs            // where to listen; each "" means a free loopback port
	Now   func() time.Time // the clock of events, expiry and quotas; nil means time.Now

	// Publisher replaces the Pub/Sub server, which is then not started. The
	// server keeps to the wall clock whatever Now says.
	Publisher Publisher

	// NoListen serves the APIs by [Workspace.InProcess] only. It needs a
	// Publisher.
	NoListen bool

	Auth   Auth   // how the APIs' caller is authenticated; "" means AuthApp
	User   string // "users/U" whom the caller acts as; "" means the first person unless Auth is AuthApp
	TTL    TTL    // of Workspace Events subscriptions
	Quotas Quotas // of the Workspace Events API

	Withhold  []LifecycleKind // lifecycle events that are never sent
	CamelCase bool            // lifecycle events have "expireTime" for "expire_time"; which one is real isn't known

	// OperationDelay is how long the Workspace Events API's operations stay
	// unfinished; 0 means that they are done when the call returns.
	OperationDelay time.Duration
	// BareConflicts leaves the name of the existing subscription out of the
	// ALREADY_EXISTS error. Both forms were seen at Google.
	BareConflicts bool

	// OnEvent is told of each SpaceEvent, delivered or not. It is called
	// outside the lock by whoever made the change, so maybe by several
	// goroutines at once and not quite in the order of publishing.
	OnEvent func(Event)
}

// Addrs are listening addresses, such as "127.0.0.1:8085".
type Addrs struct {
	Chat            string
	WorkspaceEvents string
	PubSub          string
}

// Event is a SpaceEvent as [Options.OnEvent] sees it. Actor, Target and Text
// are for people to read.
type Event struct {
	ID           string // "spaces/S/spaceEvents/E"
	Type         string // of a message created, for example
	Space        string // "spaces/S"
	SpaceDisplay string
	Time         time.Time
	Items        []EventItem
	Deliveries   int // how many subscriptions it went to
}

// EventItem is one change of an [Event].
type EventItem struct {
	Resource     string // full name
	Actor        string // "users/U": who wrote, reacted, joined or left; "" for spaces
	ActorDisplay string
	State        string // of a membership
	Text         string // of a message; the emoji of a reaction; the new name of a space
	Viewer       string // "users/U" if the message is private to this person
}

// Workspace is a running simulation.
type Workspace struct {
	opts    Options
	project string

	mu       sync.Mutex
	state    state
	subs     registry
	emitter  emitter
	truth    Truth
	listed   map[string]bool // see Truth.Listed
	notices  []Event         // for OnEvent, once the lock is released
	coalesce int             // depth of Coalesce calls
	waiting  []change

	wallClock  bool   // Options.Now was nil
	alarm      *alarm // nil if none is set
	authority  string // "users/U" whom the caller acts as, or ""
	conditions map[Condition]bool
	invites    bool     // people who are added by the app have to accept
	scopes     []string // granted; nil for all

	chat    *chatAPI
	events  *eventsAPI
	servers servers
}

// Start starts a Workspace that listens until Close. ctx bounds the start
// only.
func Start(ctx context.Context, opts Options) (*Workspace, error) {
	wallClock := opts.Now == nil
	if wallClock {
		opts.Now = time.Now
	}
	opts.Auth = cmp.Or(opts.Auth, AuthApp)
	opts.Spaces = cmp.Or(opts.Spaces, 3)
	opts.Users = cmp.Or(opts.Users, 20)
	opts.Project = cmp.Or(opts.Project, "spacekeeper-demo")
	w := &Workspace{opts: opts, project: opts.Project, wallClock: wallClock, conditions: map[Condition]bool{}, listed: map[string]bool{}}
	w.state.init(opts)
	w.subs.init()
	w.emitter.rng = rand.New(rand.NewPCG(opts.Seed, 0xe317))
	w.settle()
	w.chat = newChatAPI(w)
	w.events = newEventsAPI(w)
	if err := w.authenticate(); err != nil {
		return nil, fmt.Errorf("start the simulated Workspace: %w", err)
	}
	if err := w.servers.start(ctx, w); err != nil {
		return nil, errors.Join(fmt.Errorf("start the simulated Workspace: %w", err), w.Close())
	}
	return w, nil
}

// settle makes the people and spaces that are there from the start, which
// nobody gets an event of.
func (w *Workspace) settle() {
	for range max(w.opts.Users, 0) {
		w.state.addUser("HUMAN")
	}
	people := w.state.userOrder
	rng := rand.New(rand.NewPCG(w.opts.Seed, 0x5e77))
	for i := range max(w.opts.Spaces, 0) {
		s := w.state.addSpace("")
		s.flat = i >= w.opts.Spaces-w.opts.Flat
		s.put(w.state.membership(w.state.app, stateJoined, s.createTime))
		for _, i := range rng.Perm(len(people))[:(len(people)+1)/2] {
			s.put(w.state.membership(people[i], stateJoined, s.createTime))
		}
	}
}

// Close stops the servers and drops what a fault still holds back. Nothing of
// the Workspace runs any more when it returns.
func (w *Workspace) Close() error {
	w.mu.Lock()
	w.emitter.close()
	w.stopAlarm()
	w.mu.Unlock()
	w.emitter.timers.Wait()
	return w.servers.close()
}

// ChatEndpoint is the base URL of the Chat API, for option.WithEndpoint and
// SPACEKEEPER_CHAT_ENDPOINT.
func (w *Workspace) ChatEndpoint() string { return w.servers.chat.url }

// WorkspaceEventsEndpoint is the base URL of the Workspace Events API.
func (w *Workspace) WorkspaceEventsEndpoint() string { return w.servers.events.url }

// ServiceUsageEndpoint is the base URL of the Service Usage API.
func (w *Workspace) ServiceUsageEndpoint() string { return w.servers.usage.url }

// ResourceManagerEndpoint is the base URL of the Resource Manager API.
func (w *Workspace) ResourceManagerEndpoint() string { return w.servers.manager.url }

// Project is the Google Cloud project that topics must be in.
func (w *Workspace) Project() string { return w.project }

// App is the Chat app's user: "users/U".
func (w *Workspace) App() string { return w.state.app }

// SpaceInfo names a space.
type SpaceInfo struct {
	Name        string // "spaces/S"
	DisplayName string
	Flat        bool // without threads
}

// Spaces lists the named spaces that exist, oldest first.
func (w *Workspace) Spaces() []SpaceInfo {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []SpaceInfo
	for _, name := range w.state.spaceOrder {
		if s := w.state.spaces[name]; !s.deleted && s.directFor == "" {
			list = append(list, SpaceInfo{s.name, s.displayName, s.flat})
		}
	}
	return list
}

// Users lists everyone but the app, in the order of their arrival.
func (w *Workspace) Users() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.state.userOrder)
}

// Members lists who has joined the space, the app included, sorted.
func (w *Workspace) Members(space string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state.spaces[space]
	if s == nil || s.deleted {
		return nil
	}
	return s.joined()
}

// change runs fn under the lock and then reports the events that it caused.
func (w *Workspace) change(fn func() error) error {
	w.mu.Lock()
	err := fn()
	notices := w.notices
	w.notices = nil
	w.mu.Unlock()
	for _, e := range notices {
		w.opts.OnEvent(e)
	}
	return err
}
