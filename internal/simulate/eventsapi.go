package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/workspaceevents/v1"
)

// eventsAPI is the Workspace Events API as the caller of [Options.Auth] sees
// it. One file per concern: eventsapi_subscriptions.go and eventsapi_list.go
// (the methods), eventsapi_rules.go (what may be subscribed to),
// eventsapi_quota.go, suspension.go; operations are here.
type eventsAPI struct {
	w      *Workspace
	quotas eventsQuotas // guarded by the Workspace's lock

	mu     sync.Mutex
	faults func(EventsCall) EventsFault
	calls  map[string]int // by method
	n      int
}

// EventsCall is one call of the Workspace Events API as a fault sees it.
type EventsCall struct {
	N            int    // counts all calls, from 1
	Method       string // for example "subscriptions.create"; "operations.get"
	Name         string // "subscriptions/S" or "operations/O"; "" for create and list
	Target       string // of create
	ValidateOnly bool
}

// EventsFault is what goes wrong with a call. The zero value is nothing.
type EventsFault struct {
	Latency    time.Duration // waited before anything else happens
	Status     int           // HTTP status answered without doing anything; 0 for none
	Message    string        // of Status; "" for the usual words
	Reason     string        // of Status: ErrorInfo.reason; "" for none
	RetryAfter time.Duration // header sent with Status

	DropReply   bool            // the call takes effect, then the connection is cut
	StatusAfter int             // the call takes effect, then this is answered
	Operation   *OperationError // the operation ends with this and without effect
}

// OperationError is how an operation fails.
type OperationError struct {
	Code    int64 // google.rpc.Code
	Message string
}

// SetEventsFaults makes every call of the Workspace Events API ask fn what
// goes wrong; nil takes the faults away.
func (w *Workspace) SetEventsFaults(fn func(EventsCall) EventsFault) {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	w.events.faults = fn
}

// EventsAPICalls counts the calls of the Workspace Events API by method,
// refused ones too.
func (w *Workspace) EventsAPICalls() map[string]int {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	return maps.Clone(w.events.calls)
}

func newEventsAPI(w *Workspace) *eventsAPI {
	return &eventsAPI{w: w, quotas: newEventsQuotas(w.opts.Quotas), calls: map[string]int{}}
}

func (a *eventsAPI) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/subscriptions", a.method("subscriptions.create", a.create))
	mux.HandleFunc("GET /v1/subscriptions", a.method("subscriptions.list", a.list))
	mux.HandleFunc("GET /v1/subscriptions/{id}", a.method("subscriptions.get", a.get))
	mux.HandleFunc("PATCH /v1/subscriptions/{id}", a.method("subscriptions.patch", a.patch))
	mux.HandleFunc("DELETE /v1/subscriptions/{id}", a.method("subscriptions.delete", a.delete))
	reactivate := a.method("subscriptions.reactivate", a.reactivate)
	mux.HandleFunc("POST /v1/subscriptions/{id}", func(rw http.ResponseWriter, r *http.Request) {
		id, ok := strings.CutSuffix(r.PathValue("id"), ":reactivate")
		if !ok {
			handle(unknownMethod)(rw, r)
			return
		}
		r.SetPathValue("id", id)
		reactivate(rw, r)
	})
	mux.HandleFunc("GET /v1/operations/{id}", a.method("operations.get", a.operation))
	mux.HandleFunc("/", handle(unknownMethod))
	return mux
}

// eventsRequest is a call that has passed the quotas. Handlers run under the
// Workspace's lock, after what the clock has brought.
type eventsRequest struct {
	*http.Request
	id           string // of the subscription or operation
	body         []byte
	validateOnly bool
	now          time.Time
	fault        EventsFault
}

// method wraps a handler in what is the same for all: faults, who may call at
// all, and quotas.
func (a *eventsAPI) method(name string, fn func(*eventsRequest) (any, *apiError)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		in := &eventsRequest{Request: r, id: r.PathValue("id")}
		var apiErr *apiError
		if in.body, apiErr = readBody(r); apiErr == nil {
			in.validateOnly, apiErr = flag(r, "validateOnly")
		}
		in.fault = a.fault(name, in)
		if in.fault.Latency > 0 && gax.Sleep(r.Context(), in.fault.Latency) != nil {
			return
		}
		if f := in.fault; f.Status != 0 {
			apiErr = refused(f.Status, "%s", cmp.Or(f.Message, http.StatusText(f.Status)))
			apiErr.retryAfter = f.RetryAfter
			if f.Reason != "" {
				apiErr = apiErr.because(f.Reason, eventsService, nil)
			}
		}
		var answer any
		if apiErr == nil {
			answer, apiErr = a.run(name, in, fn)
		}
		if in.fault.DropReply {
			panic(http.ErrAbortHandler) // net/http's way to cut the connection
		}
		if apiErr == nil && in.fault.StatusAfter != 0 {
			apiErr = refused(in.fault.StatusAfter, "%s", http.StatusText(in.fault.StatusAfter))
		}
		writeAnswer(rw, answer, apiErr)
	}
}

func (a *eventsAPI) run(name string, r *eventsRequest, fn func(*eventsRequest) (any, *apiError)) (any, *apiError) {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	r.now = a.w.state.now()
	a.w.advance(r.now)
	writes := strings.HasPrefix(name, "subscriptions.") && name != "subscriptions.get" && name != "subscriptions.list"
	if apiErr := a.w.admit(eventsService, EventsAPIDisabled); apiErr != nil {
		return nil, apiErr
	}
	// Refused calls count as well; Google doesn't say whether they do.
	if apiErr := a.quotas.take(writes, r.now); apiErr != nil {
		return nil, apiErr
	}
	if writes && a.w.conditions[AppNotConfigured] {
		return nil, appNotFound()
	}
	answer, apiErr := fn(r)
	a.w.setAlarm()
	return answer, apiErr
}

func (a *eventsAPI) fault(method string, r *eventsRequest) EventsFault {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	a.calls[method]++
	if a.faults == nil {
		return EventsFault{}
	}
	call := EventsCall{N: a.n, Method: method, ValidateOnly: r.validateOnly}
	switch kind, _, _ := strings.Cut(method, "."); {
	case r.id != "":
		call.Name = kind + "/" + r.id
	case method == "subscriptions.create":
		var in struct{ TargetResource string }
		_ = json.Unmarshal(r.body, &in) // what can't be read is refused later
		call.Target = in.TargetResource
	}
	return a.faults(call)
}

// operation is a long-running operation. Only the latest one of a
// subscription is kept, as Google says that only it is meaningful.
type operation struct {
	name     string
	verb     string
	readyAt  time.Time
	response rawJSON // the subscription; nil for a deletion
	failure  *OperationError
}

const protoType = "type.googleapis.com/google.apps.events.subscriptions.v1."

// preview is the operation of a call with validateOnly: it is done and nothing
// knows of it.
func (a *eventsAPI) preview(r *eventsRequest, verb, about string, response rawJSON) (any, *apiError) {
	op := &operation{name: "operations/" + strings.TrimPrefix(about, "subscriptions/"), verb: verb, readyAt: r.now, response: response}
	return op.render(r.now)
}

// perform starts the operation of a call that has passed all checks. effect
// changes the registry and returns the response.
func (a *eventsAPI) perform(r *eventsRequest, verb, about string, effect func() rawJSON) (any, *apiError) {
	reg := &a.w.subs
	reg.operationsMade++
	op := &operation{
		name:    fmt.Sprintf("operations/%s-%d", strings.TrimPrefix(about, "subscriptions/"), reg.operationsMade),
		verb:    verb,
		readyAt: r.now.Add(a.w.opts.OperationDelay),
		failure: r.fault.Operation,
	}
	if op.failure == nil {
		op.response = effect()
	}
	if old := reg.latest[about]; old != nil {
		delete(reg.operations, old.name)
	}
	reg.operations[op.name], reg.latest[about] = op, op
	return op.render(r.now)
}

func (op *operation) render(now time.Time) (any, *apiError) {
	type plain workspaceevents.Operation // without the library's slow MarshalJSON
	out := &plain{
		Name:     op.name,
		Metadata: []byte(`{"@type":"` + protoType + op.verb + `SubscriptionMetadata"}`),
		Done:     !now.Before(op.readyAt),
	}
	switch {
	case !out.Done:
	case op.failure != nil:
		out.Error = &workspaceevents.Status{Code: op.failure.Code, Message: op.failure.Message}
	case op.verb == "Delete":
		out.Response = []byte(`{"@type":"type.googleapis.com/google.protobuf.Empty"}`)
	default: // a google.protobuf.Any: the resource with its type among the fields
		out.Response = append([]byte(`{"@type":"`+protoType+`Subscription",`), op.response[1:]...)
	}
	return out, nil
}

// operation is operations.get.
func (a *eventsAPI) operation(r *eventsRequest) (any, *apiError) {
	op := a.w.subs.operations["operations/"+r.id]
	if op == nil {
		return nil, notFound("Operation not found: operations/%s.", r.id)
	}
	return op.render(r.now)
}
