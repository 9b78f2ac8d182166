package simulate

import (
	"fmt"
	"maps"
	"time"
)

const (
	eventsService = "workspaceevents.googleapis.com"
	chatService   = "chat.googleapis.com"
)

// Quotas are the limits of the Workspace Events API in calls a minute. 0 means
// Google's (fact sheet §3.6), negative none. All calls are one user's.
type Quotas struct {
	Writes     int // of the project: create, patch, delete, reactivate; 600
	Reads      int // of the project: get, list, operations.get; 600
	UserWrites int // of the user or service account; 100
	UserReads  int // of the user or service account; 100
}

type eventsQuotas struct {
	writes, reads, userWrites, userReads *window // nil for no limit
}

func newEventsQuotas(q Quotas) eventsQuotas {
	perMinute := func(limit, google int) *window {
		switch {
		case limit < 0:
			return nil
		case limit == 0:
			limit = google
		}
		return &window{limit: limit, span: time.Minute}
	}
	return eventsQuotas{
		writes: perMinute(q.Writes, 600), reads: perMinute(q.Reads, 600),
		userWrites: perMinute(q.UserWrites, 100), userReads: perMinute(q.UserReads, 100),
	}
}

// take counts a call.
func (q *eventsQuotas) take(writes bool, now time.Time) *apiError {
	user, project, metric := q.userReads, q.reads, "Read requests"
	if writes {
		user, project, metric = q.userWrites, q.writes, "Write requests"
	}
	for _, w := range []struct {
		*window
		limit string
	}{{user, metric + " per minute per user"}, {project, metric + " per minute"}} {
		if w.window != nil && !w.take(now) {
			message := fmt.Sprintf("Quota exceeded for quota metric '%s' and limit '%s' of service '%s'.", metric, w.limit, eventsService)
			return quotaExceeded(eventsService, message, map[string]string{"quota_metric": metric, "quota_limit": w.limit})
		}
	}
	return nil
}

// because adds the detail that tells a program the reason.
func (e *apiError) because(reason, service string, metadata map[string]string) *apiError {
	info := map[string]string{"service": service}
	maps.Copy(info, metadata)
	return e.withInfo(reason, "googleapis.com", info)
}

func (e *apiError) withInfo(reason, domain string, metadata map[string]string) *apiError {
	e.details = []any{map[string]any{
		"@type":    "type.googleapis.com/google.rpc.ErrorInfo",
		"reason":   reason,
		"domain":   domain,
		"metadata": metadata,
	}}
	return e
}
