package simulate

import "time"

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
	project map[string]*window // by class of method
	writes  map[string]*window // by space
	reads   map[string]*window // by space
}

func newChatQuotas() chatQuotas {
	// Each of these classes has the same limit; those of writes to members
	// and spaces, which differ, are not served.
	perMinute := func() *window { return &window{limit: 3000, span: time.Minute} }
	return chatQuotas{
		project: map[string]*window{
			messageWrites:   perMinute(),
			messageReads:    perMinute(),
			membershipReads: perMinute(),
			spaceReads:      perMinute(),
			spaceEventReads: perMinute(),
		},
		writes: map[string]*window{},
		reads:  map[string]*window{},
	}
}

const (
	messageWrites   = "Message writes"
	messageReads    = "Message reads"
	membershipReads = "Membership reads"
	spaceReads      = "Space reads"
	spaceEventReads = "Space event reads"
)

// take counts a call of the class in the space ("" for none).
func (q *chatQuotas) take(class, space string, now time.Time) *apiError {
	if !q.project[class].take(now) {
		return exhausted(class + " per minute")
	}
	if space == "" || class == spaceEventReads { // which aren't among what is counted by space
		return nil
	}
	perSpace, limit, metric := q.reads, 15, "Reads per second per space"
	if class == messageWrites {
		perSpace, limit, metric = q.writes, 1, "Writes per second per space"
	}
	w := perSpace[space]
	if w == nil {
		w = &window{limit: limit, span: time.Second}
		perSpace[space] = w
	}
	if !w.take(now) {
		return exhausted(metric)
	}
	return nil
}

func exhausted(metric string) *apiError {
	return &apiError{
		code: 429, status: "RESOURCE_EXHAUSTED",
		message: "Quota exceeded for quota metric '" + metric + "' of service 'chat.googleapis.com'.",
		details: []any{map[string]any{
			"@type":  "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": "RATE_LIMIT_EXCEEDED",
			"domain": "googleapis.com",
			"metadata": map[string]string{
				"service":      "chat.googleapis.com",
				"quota_metric": metric,
			},
		}},
	}
}
