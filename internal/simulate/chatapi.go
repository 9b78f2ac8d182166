package simulate

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
)

// chatAPI is the part of the Chat API that the worker uses: scopes chat.bot,
// chat.app.messages.readonly and chat.app.memberships. Reads and reactions are
// made as the caller, who may be a user; what else is written, as the app.
// One file per resource: chatapi_messages.go and chatapi_edits.go,
// chatapi_reactions.go, chatapi_members.go and chatapi_memberwrites.go,
// chatapi_spaces.go, chatapi_spaceevents.go.
type chatAPI struct {
	w      *Workspace
	quotas chatQuotas // guarded by the Workspace's lock

	mu     sync.Mutex
	faults func(ChatCall) ChatFault
	calls  int
}

// ChatCall is one call of the Chat API as a fault sees it.
type ChatCall struct {
	N         int    // counts all calls, from 1
	Method    string // for example "spaces.messages.create"
	Space     string // "spaces/S", or ""
	RequestID string // of messages.create
	MessageID string // of messages.create
	Private   bool   // of messages.create: for one person alone
}

// ChatFault is what goes wrong with a call. The zero value is nothing.
type ChatFault struct {
	Latency    time.Duration // waited before anything else happens
	Status     int           // answered without doing anything; 0 for none
	Code       string        // google.rpc.Code that comes with Status; "": the usual one
	RetryAfter time.Duration // header sent with Status
	DropReply  bool          // the call takes effect, then the connection is cut
	Twice      bool          // messages.create makes a second message in spite of its ids: a sabotage
}

// SetChatFaults makes every call of the Chat API ask fn what goes wrong; nil
// takes the faults away.
func (w *Workspace) SetChatFaults(fn func(ChatCall) ChatFault) {
	w.chat.mu.Lock()
	defer w.chat.mu.Unlock()
	w.chat.faults = fn
}

// DropReplies cuts the connection after the effect in this share of the writes
// (0 to 1), the same ones for the same seed and order of calls.
func DropReplies(share float64, seed uint64) func(ChatCall) ChatFault {
	rng := rand.New(rand.NewPCG(seed, 0xd409))
	return func(c ChatCall) ChatFault {
		return ChatFault{DropReply: c.Writes() && rng.Float64() < share}
	}
}

// Writes tells a call that changes something.
func (c ChatCall) Writes() bool {
	switch c.Method[strings.LastIndex(c.Method, ".")+1:] {
	case "create", "patch", "delete":
		return true
	}
	return false
}

func newChatAPI(w *Workspace) *chatAPI {
	return &chatAPI{w: w, quotas: newChatQuotas()}
}

func (a *chatAPI) handler() http.Handler {
	mux := http.NewServeMux()
	for _, m := range []struct {
		route, name, class string
		answer             func(*chatRequest) (any, *apiError)
	}{
		{"GET /v1/spaces", "spaces.list", spaceReads, a.listSpaces},
		{"GET /v1/spaces/{space}", "spaces.get", spaceReads, a.getSpace},
		{"GET /v1/spaces:findDirectMessage", "spaces.findDirectMessage", spaceReads, a.findDirectMessage},
		{"GET /v1/spaces/{space}/members", "spaces.members.list", membershipReads, a.listMembers},
		{"GET /v1/spaces/{space}/members/{member}", "spaces.members.get", membershipReads, a.getMember},
		{"POST /v1/spaces/{space}/members", "spaces.members.create", membershipWrites, a.createMember},
		{"DELETE /v1/spaces/{space}/members/{member}", "spaces.members.delete", membershipWrites, a.deleteMember},
		{"POST /v1/spaces/{space}/messages", "spaces.messages.create", messageWrites, a.createMessage},
		{"GET /v1/spaces/{space}/messages", "spaces.messages.list", messageReads, a.listMessages},
		{"GET /v1/spaces/{space}/messages/{message}", "spaces.messages.get", messageReads, a.getMessage},
		{"PATCH /v1/spaces/{space}/messages/{message}", "spaces.messages.patch", messageWrites, a.patchMessage},
		{"DELETE /v1/spaces/{space}/messages/{message}", "spaces.messages.delete", messageWrites, a.deleteMessage},
		{"POST /v1/spaces/{space}/messages/{message}/reactions", "spaces.messages.reactions.create", reactionWrites, a.createReaction},
		{"GET /v1/spaces/{space}/spaceEvents", "spaces.spaceEvents.list", spaceEventReads, a.listSpaceEvents},
		{"GET /v1/spaces/{space}/spaceEvents/{event}", "spaces.spaceEvents.get", spaceEventReads, a.getSpaceEvent},
	} {
		mux.HandleFunc(m.route, a.method(m.name, m.class, m.answer))
	}
	mux.HandleFunc("/", handle(unknownMethod))
	return mux
}

// chatRequest is a call that has passed the quotas. Handlers run under the
// Workspace's lock.
type chatRequest struct {
	*http.Request
	space *space // nil for spaces.list and spaces.findDirectMessage
	body  []byte
	fault ChatFault
}

// method wraps a handler in what is the same for all: faults, quotas, and
// finding the space that the app must be in.
func (a *chatAPI) method(name, class string, fn func(*chatRequest) (any, *apiError)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		call := ChatCall{
			Method:    name,
			RequestID: r.URL.Query().Get("requestId"),
			MessageID: r.URL.Query().Get("messageId"),
		}
		if id := r.PathValue("space"); id != "" {
			call.Space = "spaces/" + id
		}
		body, apiErr := readBody(r)
		call.Private = bytes.Contains(body, []byte(`"privateMessageViewer"`))
		fault := a.fault(call)
		if fault.Latency > 0 && gax.Sleep(r.Context(), fault.Latency) != nil {
			return // the client has gone
		}
		if fault.Status != 0 {
			apiErr = refused(fault.Status, "%s", http.StatusText(fault.Status))
			apiErr.retryAfter, apiErr.status = fault.RetryAfter, cmp.Or(fault.Code, apiErr.status)
		}
		if apiErr != nil {
			writeError(rw, apiErr)
			return
		}
		var answer any
		_ = a.w.change(func() error {
			answer, apiErr = a.run(&chatRequest{r, nil, body, fault}, call.Space, class, fn)
			return nil
		})
		if fault.DropReply {
			panic(http.ErrAbortHandler) // net/http's way to cut the connection
		}
		writeAnswer(rw, answer, apiErr)
	}
}

func (a *chatAPI) run(r *chatRequest, space, class string, fn func(*chatRequest) (any, *apiError)) (any, *apiError) {
	if apiErr := a.w.admit(chatService, ChatAPIDisabled); apiErr != nil {
		return nil, apiErr
	}
	// Refused calls count as well; Google doesn't say whether they do.
	if apiErr := a.quotas.take(class, space, a.w.state.now()); apiErr != nil {
		return nil, apiErr
	}
	if a.w.conditions[AppNotConfigured] && r.Method != http.MethodGet { // reading works, but for events (fact sheet §4.2)
		return nil, appNotFound()
	}
	if space != "" {
		s := a.w.state.spaces[space]
		switch {
		case s == nil || s.deleted:
			return nil, notFound("Space not found: %s.", space)
		case !s.isJoined(a.w.speaker(class)):
			return nil, denied("This Chat app is not a member of this space.")
		}
		r.space = s
	}
	return fn(r)
}

func (a *chatAPI) fault(call ChatCall) ChatFault {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	call.N = a.calls
	if a.faults == nil {
		return ChatFault{}
	}
	return a.faults(call)
}

func (a *chatAPI) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}
