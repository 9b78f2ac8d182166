package coverage

import (
	"cmp"
	"slices"
	"time"
)

// Sources of an interval of coverage.
const (
	SourceLive     = "live"     // a subscription was ACTIVE
	SourceBackfill = "backfill" // it was not, and the events were fetched later
	SourceGap      = "gap"      // they are missing
)

// Causes of a gap that aren't one of Google's suspension reasons.
const (
	CauseMissing      = "missing"       // there was no subscription
	CauseExpired      = "expired"       // its lifetime was over, and another was made
	CauseDeleted      = "deleted"       // it was gone before that, and another was made
	CauseChanged      = "changed"       // somebody else changed it between two observations
	CauseElsewhere    = "elsewhere"     // its events went to another topic
	CauseWorkerOutage = "worker_outage" // no worker pulled for longer than Pub/Sub keeps messages
	CauseRestored     = "restored"      // the database is a copy, which lacks what was recorded after it was made
	CauseSilentLoss   = "silent_loss"   // events are missing although it was ACTIVE
)

// interval is a row of coverage that is still open.
type interval struct {
	id     int64
	source string // SourceLive or SourceGap
	from   time.Time
}

// move is the change of a scope's coverage after an observation: the open
// interval ends, a closed gap may follow, and another interval opens. The zero
// value changes nothing.
//
//	     ─ live ─┐                ┌─ live ─
//	confirmed ───┴─ gap ─ ends ───┴───────▶
type move struct {
	endOpen    time.Time // when the open interval ends
	gapUntil   time.Time // a closed gap from endOpen to here; zero for none
	openSource string
	openFrom   time.Time
	cause      string // of the closed gap, or of the one that opens
}

// delivers reports whether events of now reach our topic.
func (n SubscriptionState) delivers() bool { return n.State == "ACTIVE" && !n.Elsewhere }

// observed is what the database holds of a target.
type observed struct {
	at        time.Time // of the last observation
	confirmed time.Time // when it last delivered; zero for never
	expires   time.Time // when its lifetime was to end
	ended     time.Time // when the last interval of its scope ended, if none is open
}

// decide returns the change that an observation makes. It is pure; the same
// observation again changes nothing, as open then is what the first has opened.
//
// If in doubt it decides for a gap: fetching events that were recorded after all
// costs a few calls, events that are missed may be lost.
func decide(open *interval, prev observed, now SubscriptionState) move {
	if !now.delivers() {
		return stopsDelivering(open, prev, now)
	}
	since := now.CreateTime
	if since.IsZero() {
		since = now.ObservedAt
	}
	if open == nil {
		return firstSeen(since, prev.ended, now)
	}
	// Nobody knows whether it was ACTIVE before somebody changed it.
	changed := latest(since, now.UpdateTime)
	sure := latest(prev.confirmed, open.from)
	switch {
	case open.source == SourceGap:
		// It was created anew or reactivated; both move the update time.
		end := changed
		if end.Before(open.from) {
			end = now.ObservedAt
		}
		return move{endOpen: end, openSource: SourceLive, openFrom: end}
	case since.After(sure):
		// If somebody changed it after it was created, it may have been suspended
		// in between.
		until := changed
		if now.Touched {
			until = since
		}
		return move{endOpen: sure, gapUntil: until, openSource: SourceLive, openFrom: until, cause: prev.end(since)}
	case now.UpdateTime.After(latest(prev.at, open.from)) && !now.Touched:
		// It was suspended and reactivated, or may have been.
		return move{endOpen: sure, gapUntil: changed, openSource: SourceLive, openFrom: changed, cause: now.lapse()}
	}
	return move{}
}

// settling is how long Google may take to create a subscription: an update so
// soon after createTime is part of its creation.
const settling = 10 * time.Second

// firstSeen decides for a subscription that delivers, if nothing is known since
// it was created, or since the coverage of its scope ended.
func firstSeen(made, ended time.Time, now SubscriptionState) move {
	since := latest(made, ended)
	changed := latest(since, now.UpdateTime)
	switch {
	case now.Touched:
		return move{openSource: SourceLive, openFrom: since}
	case now.Lapse == "" && !ended.After(made) && changed.Sub(made) < settling:
		return move{openSource: SourceLive, openFrom: changed}
	}
	return move{endOpen: since, gapUntil: changed, openSource: SourceLive, openFrom: changed, cause: now.lapse()}
}

// end is why there was another subscription at a time.
func (o observed) end(then time.Time) string {
	if then.Before(o.expires) {
		return CauseDeleted
	}
	return CauseExpired
}

// lapse is why the subscription may not have delivered until it was changed.
func (n SubscriptionState) lapse() string { return cmp.Or(n.Lapse, CauseChanged) }

// stopsDelivering decides for a target that does not deliver now.
func stopsDelivering(open *interval, prev observed, now SubscriptionState) move {
	cause := now.Reason
	switch {
	case now.Elsewhere:
		cause = CauseElsewhere
	case now.State == "" || cause == "":
		cause = CauseMissing
	}
	switch {
	case open == nil:
		return move{openSource: SourceGap, openFrom: latest(now.ObservedAt, prev.ended), cause: cause}
	case open.source == SourceLive:
		from := latest(prev.confirmed, open.from)
		return move{endOpen: from, openSource: SourceGap, openFrom: from, cause: cause}
	}
	return move{}
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
