package simulate

import (
	"slices"
	"time"
)

// Truth is the truth that a recording is compared with. It grows with every
// event: it is meant for runs of minutes or hours, not for months.
type Truth struct {
	Events      []PublishedEvent // in the order of publishing, one per event and subscription
	Undelivered []PublishedEvent // in the order of happening: there was no subscription to publish them for
	Joins       []Join           // in the order of joining
	AppMessages []AppMessage     // in the order of acceptance
	Reactions   []AppReaction    // made through the API, in the order of acceptance
	Memberships []AppMembership  // changed through the API, in the order of acceptance
	Garbage     []Garbage        // in the order of publishing
	Lifecycle   []LifecycleEvent // in the order of their times

	// Listed are the spaces and people that the Chat API's lists have told the
	// caller of, "spaces/S" and "users/U", with their display names as they are now.
	Listed map[string]string
}

// PublishedEvent is an event that Pub/Sub has accepted, or that
// [Workspace.DropNext] lost. The truth doesn't hold events that a fault still
// holds back: see [Workspace.Flush].
type PublishedEvent struct {
	ID           string // ce-id; the same for each subscription that got it
	Type         string
	Space        string // "spaces/S"
	Time         time.Time
	Subscription string // "subscriptions/S"
	Topic        string // "projects/P/topics/T"
	Items        int    // resources in it: 1, or more for a batch
	Copies       int    // Pub/Sub messages with it: 0 if it was dropped, more than 1 if duplicated
}

// Join is somebody becoming a joined member.
type Join struct {
	Space     string // "spaces/S"
	User      string // "users/U"
	Bot       bool
	Time      time.Time
	EventID   string // ce-id of the event that tells of it
	Published bool   // false if no subscription was there to deliver it
}

// AppMessage is a message that the Chat API has accepted from the app, as it
// is now.
type AppMessage struct {
	Space     string
	Name      string // "spaces/S/messages/M"
	ClientID  string // "client-…", if it was asked for
	RequestID string
	Viewer    string // "users/U" if it is private
	Thread    string // "spaces/S/threads/T"
	Text      string // stays as it was when the message is deleted
	Cards     bool   // there are cards in it
	Time      time.Time
	Updated   int  // how often it was changed
	Deleted   bool // by the app
}

// AppReaction is a reaction that the Chat API has accepted.
type AppReaction struct {
	Message string // "spaces/S/messages/M"
	User    string // "users/U": an app can't react
	Emoji   string
	Time    time.Time
}

// AppMembership is a change of a membership that the Chat API has accepted
// from the app.
type AppMembership struct {
	Space string
	User  string
	State string // JOINED, INVITED or NOT_A_MEMBER
	Time  time.Time
}

// Garbage is a message that the worker is expected to quarantine.
type Garbage struct {
	Kind      GarbageKind
	Topic     string
	MessageID string // Pub/Sub's
}

// Truth copies the truth as it is now.
func (w *Workspace) Truth() Truth {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Truth{
		Events:      slices.Clone(w.truth.Events),
		Undelivered: slices.Clone(w.truth.Undelivered),
		Joins:       slices.Clone(w.truth.Joins),
		AppMessages: slices.Clone(w.truth.AppMessages),
		Reactions:   slices.Clone(w.truth.Reactions),
		Memberships: slices.Clone(w.truth.Memberships),
		Garbage:     slices.Clone(w.truth.Garbage),
		Lifecycle:   slices.Clone(w.truth.Lifecycle),
		Listed:      w.state.displayNames(w.listed),
	}
}

// Counts are the lengths of the [Truth], which are cheap to ask for.
type Counts struct {
	Events      int // events per subscription
	Items       int // resources in them
	Joins       int // of people and bots
	AppMessages int
	Garbage     int
	Held        int // held back by a fault
	ChatCalls   int // of the Chat API, whatever became of them
	Throttled   int // of these, refused because a quota was used up
}

// Counts says how much there is in the truth.
func (w *Workspace) Counts() Counts {
	calls := w.chat.count()
	w.mu.Lock()
	defer w.mu.Unlock()
	return Counts{
		Events:      len(w.truth.Events),
		Items:       w.emitter.items,
		Joins:       len(w.truth.Joins),
		AppMessages: len(w.truth.AppMessages),
		Garbage:     len(w.truth.Garbage),
		Held:        len(w.emitter.held),
		ChatCalls:   calls,
		Throttled:   w.chat.quotas.throttled,
	}
}
