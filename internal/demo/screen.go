package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// screen prints what happens. The simulation knows the names
// of people and spaces, which events don't carry; the worker knows when an
// event was recorded. A line needs both.
type screen struct {
	out   io.Writer
	quiet bool

	mu                                                sync.Mutex
	happens                                           map[string]simulate.Event // ce-id → what happened, until it is recorded
	names                                             map[string]string         // "users/U" and "spaces/S" → display name
	lags                                              []time.Duration           // publish → commit, since the last summary
	recordeds, duplicates, welcomes, gaps, backfilled int
}

func newScreen(out io.Writer, quiet bool) *screen {
	return &screen{out: out, quiet: quiet, happens: map[string]simulate.Event{}, names: map[string]string{}}
}

func (s *screen) opening(env *environment, dsn string, took time.Duration) {
	for _, space := range env.workspace.Spaces() {
		s.names[space.Name] = space.DisplayName
	}
	past := ""
	if env.history > 0 {
		past = fmt.Sprintf(`  past      %d events that came before; no rule was asked about them, and the comparison leaves them out
  numbers   SPACEKEEPER_DATABASE_DSN='%s' subscriber stats
            of the past, in half a minute; --svg DIR draws them
`, env.history, dsn)
	}
	fmt.Fprintf(s.out, `A simulated Google Workspace, Google's client libraries, a private Postgres: ready in %s.
  spaces    %d, each with a Workspace Events subscription to %s
  database  psql '%s'
            SELECT * FROM event_log ORDER BY event_time DESC LIMIT 20;
%s
`, took.Round(10*time.Millisecond), len(env.config.Workspace.Spaces), env.config.TopicName(), dsn, past)
}

// happened is told of a change before it is published.
func (s *screen) happened(e simulate.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happens[e.ID] = e
	s.names[e.Space] = e.SpaceDisplay
	for _, it := range e.Items {
		if it.Actor != "" {
			s.names[it.Actor] = it.ActorDisplay
		}
	}
}

// recorded is told of a delivery after its commit.
func (s *screen) recorded(d events.Delivery, o events.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lags = append(s.lags, time.Since(d.PublishTime))
	switch o {
	case events.Duplicate:
		s.duplicates++
	case events.Recorded:
		s.recordeds++
		e, known := s.happens[d.Event.ID]
		delete(s.happens, d.Event.ID)
		if known {
			for _, it := range e.Items {
				s.line(e.SpaceDisplay, s.describe(e, it))
			}
		}
	}
}

// ran is told of a run that has ended.
func (s *screen) ran(r reactors.Run, o reactors.Outcome, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Reactor == ruleWelcome && o == reactors.Sent {
		s.welcomes++
	}
	if text := s.describeRun(r, o, reason); text != "" {
		s.line(s.names[r.Space], text)
	}
}

// describeRun says how a run ended, if that is worth a line.
func (s *screen) describeRun(r reactors.Run, o reactors.Outcome, reason string) string {
	who := s.names[r.Member]
	switch {
	case r.Reactor == ruleWelcome && o == reactors.Sent:
		return fmt.Sprintf("✓ welcomed %s, %s after joining", who, time.Since(r.EventTime).Round(10*time.Millisecond))
	case r.Reactor == ruleNewcomers && o == reactors.Sent && r.Requests[0].Action == "send":
		return "✓ greeted everybody who was added at once by one message"
	case r.Reactor == ruleNewcomers && o == reactors.Sent:
		return "" // just a record
	case r.Reactor == ruleTips && o == reactors.Sent:
		return fmt.Sprintf("✓ sent %s tip %d", who, r.Step+1)
	case r.Reactor == ruleTips && o == reactors.Stopped:
		return fmt.Sprintf("· no tip for %s, who has written already", who)
	case r.Reactor == ruleHelper && o == reactors.Shadowed:
		return fmt.Sprintf("◌ would answer %s in the thread (a rule in shadow mode)", who)
	case o == reactors.RateLimited:
		return "" // a demo has more joins and reports than anybody would want to be answered
	}
	return fmt.Sprintf("· nothing from %s for %s: %s (%s)", r.Reactor, who, o, reason)
}

// subscriptionChanged is told of what the keeper did.
func (s *screen) subscriptionChanged(a subscriptions.Action, r subscriptions.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	where := s.names[a.Desired.Scope]
	lives := func() string {
		return fmt.Sprintf("it lives until %s", r.Subscription.ExpireTime.Local().Format("15:04:05"))
	}
	switch r.Outcome {
	case subscriptions.Renewed:
		s.line(where, "↻ subscription renewed: "+lives())
	case subscriptions.Reactivated:
		s.line(where, "✓ subscription reactivated: "+lives())
	case subscriptions.Created:
		s.line(where, "✓ subscription created anew: "+lives())
	case subscriptions.Failed:
		s.line(where, fmt.Sprintf("× the keeper could not %s the subscription; it will try again", a.Kind))
	}
}

// gapClosed is told of a gap that has been repaired.
func (s *screen) gapClosed(g coverage.Gap, events int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backfilled += events
	s.gaps++
	s.line(s.names[g.Scope], fmt.Sprintf("✓ gap %s–%s closed (%s): %d events fetched and recorded, nobody greeted for them",
		g.From.Local().Format("15:04:05"), g.To.Local().Format("15:04:05"), g.Cause, events))
}

// say prints what the demo has to say itself.
func (s *screen) say(space, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(space, text)
}

func (s *screen) line(space, text string) {
	if s.quiet {
		return
	}
	fmt.Fprintf(s.out, "%s  %-18.18s  %s\n", time.Now().Format("15:04:05"), space, text)
}

func (s *screen) describe(e simulate.Event, it simulate.EventItem) string {
	t, _ := events.TypeOf(e.Type)
	batch := ""
	if len(e.Items) > 1 {
		batch = fmt.Sprintf("  (one of %d in a batch event)", len(e.Items))
	}
	var what string
	switch happened := string(t.Kind) + " " + string(t.Verb); happened {
	case "message created":
		what = fmt.Sprintf("%s: %s", it.ActorDisplay, clip(s.mentioned(it.Text)))
	case "message updated":
		what = fmt.Sprintf("✎ %s changed it to: %s", it.ActorDisplay, clip(it.Text))
	case "message deleted":
		what = fmt.Sprintf("✗ %s deleted a message", it.ActorDisplay)
	case "membership created", "membership updated":
		what = fmt.Sprintf("+ %s is now %s", it.ActorDisplay, strings.ToLower(it.State))
	case "membership deleted":
		what = fmt.Sprintf("- %s left", it.ActorDisplay)
	case "reaction created":
		what = fmt.Sprintf("%s reacts %s", it.ActorDisplay, it.Text)
	case "reaction deleted":
		what = fmt.Sprintf("%s takes back %s", it.ActorDisplay, it.Text)
	case "space updated":
		what = "the space is now called " + it.Text
	default:
		what = happened
	}
	return what + batch
}

// mentioned shows mentions as Chat does.
func (s *screen) mentioned(text string) string {
	for _, user := range events.Mentioned(text) {
		text = strings.ReplaceAll(text, "<"+user+">", "@"+s.names[user])
	}
	return text
}

func clip(text string) string {
	const maxRunes = 60
	if r := []rune(text); len(r) > maxRunes {
		return string(r[:maxRunes-1]) + "…"
	}
	return text
}

// summary prints how the recording stands.
func (s *screen) summary(c simulate.Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "── published %d · recorded %d · duplicates dropped %d · gaps closed %d with %d events"+
		" · joins %d · welcomes sent %d · lag p50 %s p95 %s\n",
		c.Events, s.recordeds, s.duplicates, s.gaps, s.backfilled, c.Joins, s.welcomes, quantile(s.lags, 0.5), quantile(s.lags, 0.95))
	s.lags = s.lags[:0]
}

func quantile(ds []time.Duration, q float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	ds = slices.Sorted(slices.Values(ds))
	return ds[int(q*float64(len(ds)-1))].Round(100 * time.Microsecond)
}
