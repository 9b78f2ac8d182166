package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// ProbeOptions say where to post a message, and how long to wait for it.
type ProbeOptions struct {
	Config config.Config
	Space  string // "spaces/S"

	// Timeout is how long the event may take; default 2m. Google speaks of
	// minutes, and mostly takes a second or two.
	Timeout time.Duration
	// PostManually asks a person to post a message in a space where the app may
	// not. nil: nobody is there.
	PostManually func(text string) error

	// Now is this machine's clock and Wait a pause by it; nil for the real
	// ones.
	Now  func() time.Time
	Wait func(context.Context, time.Duration) error
}

// Hop is one part of the way of an event.
type Hop struct {
	Name    string   `json:"name"` // what should be so
	Outcome Outcome  `json:"outcome"`
	Seen    string   `json:"seen,omitempty"`
	Fix     []string `json:"fix,omitempty"`
}

// ProbeReport says what became of the message. As with [Report], fields may be
// added.
type ProbeReport struct {
	Version    int       `json:"version"` // 1
	Outcome    Outcome   `json:"outcome"` // OK or Failed
	Space      string    `json:"space"`
	Message    string    `json:"message,omitempty"` // "spaces/S/messages/M"
	EventTime  time.Time `json:"event_time,omitzero"`
	ReceivedAt time.Time `json:"received_at,omitzero"` // by the worker's clock
	Seconds    float64   `json:"seconds,omitempty"`    // from the one to the other
	Hops       []Hop     `json:"hops"`                 // as far as was looked
}

// Lost is the first hop that is not as it should be; nil for none.
func (r ProbeReport) Lost() *Hop {
	for _, o := range []Outcome{Failed, Warning} {
		if i := slices.IndexFunc(r.Hops, func(h Hop) bool { return h.Outcome == o }); i >= 0 {
			return &r.Hops[i]
		}
	}
	return nil
}

// look is the pause between two looks into the database.
const look = 500 * time.Millisecond

// Probe posts a message and waits until the worker has recorded its event. If
// it doesn't, the report says how far it can be followed.
func Probe(ctx context.Context, opts ProbeOptions) ProbeReport {
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Minute
	}
	if opts.Wait == nil {
		opts.Wait = gax.Sleep
	}
	e, _ := prepare(ctx, Options{Config: opts.Config, Now: opts.Now, Fresh: true})
	defer e.close()
	p := &probe{examination: e, opts: opts, report: ProbeReport{Version: reportVersion, Outcome: Failed, Space: opts.Space}}
	// Nobody is disturbed by a message whose event can't arrive.
	if !p.hop(ctx, "the database is ready", databaseReady) || !p.hop(ctx, "a subscription delivers new messages of the space", p.delivered) {
		return p.report
	}
	if !p.hop(ctx, "the message is posted", p.post) {
		return p.report
	}
	if p.arrives(ctx) {
		p.report.Outcome = OK
		return p.report
	}
	p.follow(context.WithoutCancel(ctx))
	return p.report
}

type probe struct {
	*examination
	opts   ProbeOptions
	report ProbeReport

	since    time.Time // by Google's clock
	clientID string    // of a message that we posted; "" for somebody else's
}

// hop notes what was found, and reports whether there is a way on.
func (p *probe) hop(ctx context.Context, name string, look run) bool {
	f := p.run(ctx, check{run: look})
	p.add(name, f)
	return f.outcome != Failed
}

func (p *probe) add(name string, f finding) {
	p.report.Hops = append(p.report.Hops, Hop{Name: name, Outcome: f.outcome, Seen: f.seen, Fix: f.fix})
}

func databaseReady(ctx context.Context, e *examination) finding {
	if f := databaseReached(ctx, e); f.outcome != OK {
		return f
	}
	return withStore(databaseMigrated)(ctx, e)
}

// post sends the message, or has it sent.
func (p *probe) post(ctx context.Context, e *examination) finding {
	chat, err := e.chat()
	if err != nil {
		return failed(err.Error(), "subscribe-setup doctor says what is wrong with the credentials")
	}
	id := strings.ToLower(rand.Text())[:12]
	text := fmt.Sprintf("Spacekeeper probe %s: this message is a test and may be deleted.", id)
	p.since = e.opts.Now().Add(e.ahead()).Add(-time.Second) // the Date of Google's answers has no fractions
	p.clientID = "client-probe-" + id
	sent, err := chat.CreateMessage(ctx, gchat.CreateMessage{
		Space: p.opts.Space, Text: text, RequestID: uuid.NewString(), MessageID: p.clientID,
	})
	switch {
	case err == nil:
		p.report.Message = sent.Name
		return fine("%s", sent.Name)
	case !reactors.IsPermanent(err) || p.opts.PostManually == nil:
		return failed(err.Error(), "add the Chat app to the space (Apps & integrations), or run doctor --probe on a terminal to post the message by hand")
	}
	p.clientID = ""
	if err := p.opts.PostManually(text); err != nil {
		return failed(err.Error(), "post a message in the space while doctor --probe waits")
	}
	return finding{outcome: OK, seen: "by hand, as the app may not: " + err.Error()}
}

// arrives looks for the event until the time is up.
func (p *probe) arrives(ctx context.Context) bool {
	const name = "the event is recorded"
	l, err := p.eventLog()
	if err != nil {
		p.add(name, failed(err.Error()))
		return false
	}
	for began := p.examination.opts.Now(); ; {
		seen, found, err := l.FindMessage(ctx, p.opts.Space, p.report.Message, p.since) // any, if a person posts it
		if found {
			r := &p.report
			r.Message, r.EventTime, r.ReceivedAt = seen.Message, seen.EventTime, seen.ReceivedAt
			r.Seconds = seen.ReceivedAt.Sub(seen.EventTime).Seconds()
			p.add(name, fine("%.1f s after it happened", r.Seconds))
			return true
		}
		waited := p.examination.opts.Now().Sub(began)
		if waited >= p.opts.Timeout || p.opts.Wait(ctx, look) != nil {
			text := fmt.Sprintf("not within %s", waited.Round(time.Second))
			if err != nil {
				text += ": " + err.Error()
			}
			p.add(name, warning(text, "look at the worker's log, or try again with a longer --timeout: Google may take minutes"))
			return false
		}
	}
}
