package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/workspaceevents/v1"
)

// eventsAPI is the Workspace Events API as the Chat app sees it. One file per
// resource and concern: registry.go (the subscriptions and their life),
// eventsapi_subscriptions.go, eventsapi_list.go; operations are here.
type eventsAPI struct {
	w *Workspace
}

func (a *eventsAPI) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/subscriptions", a.method(a.create))
	mux.HandleFunc("GET /v1/subscriptions", a.method(a.list))
	mux.HandleFunc("GET /v1/subscriptions/{id}", a.method(a.get))
	mux.HandleFunc("PATCH /v1/subscriptions/{id}", a.method(a.patch))
	mux.HandleFunc("DELETE /v1/subscriptions/{id}", a.method(a.delete))
	mux.HandleFunc("POST /v1/subscriptions/{idAndVerb}", a.method(a.reactivate))
	mux.HandleFunc("GET /v1/operations/{id}", a.method(a.operation))
	mux.HandleFunc("/", handle(unknownMethod))
	return mux
}

// eventsRequest is a call whose body has been read. Handlers run under the
// Workspace's lock, after expired subscriptions have been deleted.
type eventsRequest struct {
	*http.Request
	body []byte
	now  time.Time
}

func (a *eventsAPI) method(fn func(*eventsRequest) (any, *apiError)) http.HandlerFunc {
	return handle(func(r *http.Request) (any, *apiError) {
		body, apiErr := readBody(r)
		if apiErr != nil {
			return nil, apiErr
		}
		a.w.mu.Lock()
		defer a.w.mu.Unlock()
		now := a.w.state.now()
		a.w.subs.expire(now)
		return fn(&eventsRequest{r, body, now})
	})
}

// operation is a long-running operation. Only the latest one of a
// subscription is kept, as Google says that only it is meaningful.
type operation struct {
	name     string
	about    string // subscription
	verb     string
	readyAt  time.Time
	response any
}

const protoType = "type.googleapis.com/google.apps.events.subscriptions.v1."

// preview is the operation of a call with validateOnly: it is done and nothing
// knows of it.
func (a *eventsAPI) preview(verb, about string, response any, now time.Time) (any, *apiError) {
	op := &operation{name: "operations/" + strings.TrimPrefix(about, "subscriptions/"), verb: verb, readyAt: now, response: response}
	return op.render(now)
}

// begin starts an operation whose effect is in the registry already.
func (a *eventsAPI) begin(verb, about string, response any, now time.Time) (any, *apiError) {
	reg := &a.w.subs
	reg.operationsMade++
	op := &operation{
		name:     fmt.Sprintf("operations/%s-%d", strings.TrimPrefix(about, "subscriptions/"), reg.operationsMade),
		about:    about,
		verb:     verb,
		readyAt:  now.Add(a.w.opts.OperationDelay),
		response: response,
	}
	for name, old := range reg.operations {
		if old.about == about {
			delete(reg.operations, name)
		}
	}
	reg.operations[op.name] = op
	return op.render(now)
}

func (op *operation) render(now time.Time) (any, *apiError) {
	out := &workspaceevents.Operation{Name: op.name}
	metadata, err := withType(protoType+op.verb+"SubscriptionMetadata", struct{}{})
	if err != nil {
		return nil, err
	}
	out.Metadata = metadata
	if now.Before(op.readyAt) {
		return out, nil
	}
	kind := protoType + "Subscription"
	if op.verb == "Delete" {
		kind = "type.googleapis.com/google.protobuf.Empty"
	}
	out.Done = true
	if out.Response, err = withType(kind, op.response); err != nil {
		return nil, err
	}
	return out, nil
}

// withType renders a resource as google.protobuf.Any.
func withType(kind string, resource any) ([]byte, *apiError) {
	raw, err := json.Marshal(resource)
	if err == nil {
		fields := map[string]any{}
		if err = json.Unmarshal(raw, &fields); err == nil {
			fields["@type"] = kind
			raw, err = json.Marshal(fields)
		}
	}
	if err != nil {
		return nil, &apiError{code: http.StatusInternalServerError, status: "INTERNAL", message: err.Error()}
	}
	return raw, nil
}

// operation is operations.get.
func (a *eventsAPI) operation(r *eventsRequest) (any, *apiError) {
	op := a.w.subs.operations["operations/"+r.PathValue("id")]
	if op == nil {
		return nil, notFound("Operation not found: operations/%s.", r.PathValue("id"))
	}
	return op.render(r.now)
}
