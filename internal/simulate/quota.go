package simulate

import (
	"fmt"
	"net/http"
	"time"
)

// window is a quota: so many calls in any span of time. It is a sliding
// window, which is at least as strict as whatever Google counts by.
type window struct {
	limit int
	span  time.Duration
	used  []time.Time // oldest first
}

// take counts a call, or answers false if the quota is used up.
func (q *window) take(now time.Time) bool {
	gone := 0
	for gone < len(q.used) && now.Sub(q.used[gone]) >= q.span {
		gone++
	}
	q.used = append(q.used[:0], q.used[gone:]...)
	if len(q.used) >= q.limit {
		return false
	}
	q.used = append(q.used, now)
	return true
}

// chatQuotas are the Chat API's limits (fact sheet §6.3). Those of a space are
// shared by all apps in it.
type chatQuotas struct {
	project map[string]*window   // by class of method
	inSpace map[quotaKey]*window // made when they are needed
	writes  rate                 // in each space
	others  map[string]*otherApp

	throttled int // calls that were refused
}

// rate is a limit of calls in a span of time.
type rate struct {
	limit int
	span  time.Duration
}

// quotaKey is a quota of one space.
type quotaKey struct{ metric, space string }

func newChatQuotas() chatQuotas {
	perMinute := func(limit int) *window { return &window{limit: limit, span: time.Minute} }
	return chatQuotas{
		project: map[string]*window{
			messageWrites:    perMinute(3000),
			messageReads:     perMinute(3000),
			membershipWrites: perMinute(300),
			membershipReads:  perMinute(3000),
			reactionWrites:   perMinute(600),
			spaceReads:       perMinute(3000),
			spaceEventReads:  perMinute(3000),
		},
		inSpace: map[quotaKey]*window{},
		writes:  rate{1, time.Second},
		others:  map[string]*otherApp{},
	}
}

const (
	messageWrites    = "Message writes"
	messageReads     = "Message reads"
	membershipWrites = "Membership writes"
	membershipReads  = "Membership reads"
	reactionWrites   = "Reaction writes"
	spaceReads       = "Space reads"
	spaceEventReads  = "Space event reads"
)

const writesInSpace = "Writes per second per space"

// perSpace is what a class of methods is counted by in a space, "" for nothing.
func (q *chatQuotas) perSpace(class string) (metric string, r rate) {
	switch class {
	case messageWrites:
		return writesInSpace, q.writes
	case reactionWrites:
		return "Reactions per second per space", rate{5, time.Second}
	case membershipWrites, spaceEventReads: // which aren't among what is counted by space
		return "", rate{}
	}
	return "Reads per second per space", rate{15, time.Second}
}

// take counts a call of the class in the space ("" for none).
func (q *chatQuotas) take(class, space string, now time.Time) *apiError {
	if !q.project[class].take(now) {
		return q.exhausted(class + " per minute")
	}
	metric, limit := q.perSpace(class)
	if space == "" || metric == "" {
		return nil
	}
	if metric == writesInSpace {
		q.letOthersWrite(space, now)
	}
	if !q.window(metric, space, limit).take(now) {
		return q.exhausted(metric)
	}
	return nil
}

func (q *chatQuotas) window(metric, space string, r rate) *window {
	key := quotaKey{metric, space}
	w := q.inSpace[key]
	if w == nil {
		w = &window{limit: r.limit, span: r.span}
		q.inSpace[key] = w
	}
	return w
}

func (q *chatQuotas) exhausted(metric string) *apiError {
	q.throttled++
	return quotaExceeded(chatService, fmt.Sprintf("Quota exceeded for quota metric '%s' of service '%s'.", metric, chatService),
		map[string]string{"quota_metric": metric})
}

// quotaExceeded is the answer to a call over a limit. Google sends neither
// RetryInfo nor Retry-After.
func quotaExceeded(service, message string, metadata map[string]string) *apiError {
	return refused(http.StatusTooManyRequests, "%s", message).because("RATE_LIMIT_EXCEEDED", service, metadata)
}

// SetWriteQuota lets all apps together write so often into each space. The
// default is one write a second, as documented since 2026; the same rate was
// 60 in a minute before, which lets an app that knows nothing of the others
// keep out of their way. What was counted so far is forgotten.
func (w *Workspace) SetWriteQuota(limit int, span time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chat.quotas.writes = rate{limit, span}
	for key := range w.chat.quotas.inSpace {
		if key.metric == writesInSpace {
			delete(w.chat.quotas.inSpace, key)
		}
	}
}

// otherApp is another app that writes at even intervals.
type otherApp struct {
	every             time.Duration
	next              time.Time
	accepted, refused int
}

// AddOtherApp lets another app write into the space, so often in a minute
// and at even intervals from now on; 0 stops it. Its writes take their share
// of the space's quota before ours, and leave no other trace.
func (w *Workspace) AddOtherApp(space string, perMinute int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.state.liveSpace(space); err != nil {
		return fmt.Errorf("add another app: %w", err)
	}
	now := w.state.now()
	w.chat.quotas.letOthersWrite(space, now)
	app := w.chat.quotas.others[space]
	if app == nil {
		app = &otherApp{}
		w.chat.quotas.others[space] = app
	}
	app.every, app.next = 0, now
	if perMinute > 0 {
		app.every = time.Minute / time.Duration(perMinute)
	}
	return nil
}

// OtherAppWrites counts what became of the other app's writes so far: refused
// are those for which ours left no room.
func (w *Workspace) OtherAppWrites(space string) (accepted, refused int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := &w.chat.quotas
	q.letOthersWrite(space, w.state.now())
	if app := q.others[space]; app != nil {
		return app.accepted, app.refused
	}
	return 0, 0
}

// letOthersWrite counts the writes of the other app that were due by now.
func (q *chatQuotas) letOthersWrite(space string, now time.Time) {
	app := q.others[space]
	if app == nil || app.every == 0 {
		return
	}
	quota := q.window(writesInSpace, space, q.writes)
	for ; !app.next.After(now); app.next = app.next.Add(app.every) {
		if quota.take(app.next) {
			app.accepted++
		} else {
			app.refused++
		}
	}
}
