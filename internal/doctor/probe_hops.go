package doctor

import (
	"context"
	"fmt"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

var newMessages = events.TypeName(events.KindMessage, events.VerbCreated)

// delivered: Google has something that brings new messages of the space.
func (p *probe) delivered(_ context.Context, e *examination) finding {
	listed, err := e.listed()
	if err != nil {
		return unanswered(err)
	}
	var why finding
	for i := range listed.subscriptions {
		s := &listed.subscriptions[i]
		wide := s.Scope() == events.AllSpaces || targetKind(s.Scope()) == "customers"
		if s.Scope() != p.opts.Space && !wide {
			continue
		}
		switch {
		case s.State == subscriptions.StateSuspended:
			why = failed(fmt.Sprintf("that of %s is suspended: %s", s.Scope(), s.SuspensionReason),
				"subscribe-setup doctor says what ends it (SK702)")
		case s.Topic != e.cfg.TopicName():
			why = failed(fmt.Sprintf("that of %s delivers to %s", s.Scope(), s.Topic), applyFix)
		case !slices.Contains(s.EventTypes, newMessages):
			why = failed(fmt.Sprintf("that of %s leaves them out", s.Scope()),
				"add "+newMessages+" to the target's event_types, then subscribe-setup apply")
		default:
			return fine("%s", s.Name)
		}
	}
	if why.outcome == "" {
		return failed("there is none for "+p.opts.Space, "add the space under workspace.spaces, then subscribe-setup apply")
	}
	return why
}

// follow looks at each part of the way that the event should have taken.
func (p *probe) follow(ctx context.Context) {
	late := p.report.Hops[len(p.report.Hops)-1]
	p.report.Hops = p.report.Hops[:len(p.report.Hops)-1]
	if p.clientID != "" {
		p.hop(ctx, "the message is still there", p.stillThere)
	}
	p.hop(ctx, "Google may publish the event", verdict("SK502", "SK503", "SK505", "SK506"))
	p.hop(ctx, "Pub/Sub keeps it for the worker", verdict("SK507", "SK508", "SK509", "SK510"))
	p.hop(ctx, "a worker takes it", verdict("SK706"))
	p.hop(ctx, "the worker can read it", withEventLog(p.readable))
	p.report.Hops = append(p.report.Hops, late)
}

// verdict is the worst of what these checks find. What one of them can't tell
// isn't right.
func verdict(codes ...string) run {
	return func(ctx context.Context, e *examination) finding {
		found := fine("nothing says otherwise")
		for _, c := range checks() {
			if !slices.Contains(codes, c.code) {
				continue
			}
			f := c.run(ctx, e)
			if severity[f.outcome] > severity[found.outcome] {
				f.seen = c.code + ", " + c.name + ": " + f.seen
				if f.outcome == Skipped {
					f.seen = "can't be told: " + f.seen
				}
				found = f
			}
			if f.outcome == Failed {
				break
			}
		}
		return found
	}
}

var severity = map[Outcome]int{OK: 0, Skipped: 1, Warning: 2, Failed: 3}

func (p *probe) stillThere(ctx context.Context, e *examination) finding {
	chat, err := e.chat()
	if err != nil {
		return failed(err.Error(), "subscribe-setup doctor says what is wrong with the credentials")
	}
	_, found, err := chat.MessageByClientID(ctx, p.opts.Space, p.clientID)
	switch {
	case err != nil:
		return skipped("can't be told: %v", err)
	case !found:
		return failed("Google doesn't have it any more", "try again, in a space where nobody deletes it")
	}
	return fine("Google has it")
}

func (p *probe) readable(ctx context.Context, _ *examination, l *eventlog.Log) finding {
	n, reason, err := l.Quarantined(ctx, p.since)
	switch {
	case err != nil:
		return unqueried(err)
	case n > 0:
		return failed(fmt.Sprintf("since then %d messages went into quarantine, the last for %s", n, reason),
			"SELECT reason, detail FROM quarantine ORDER BY received_at DESC shows them")
	}
	return fine("nothing went into quarantine")
}
