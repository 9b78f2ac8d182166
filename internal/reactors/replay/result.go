package replay

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// NoStep is the step of an evaluation that led to no run.
const NoStep = -1

// Entry is how a run came out, or an evaluation that led to no run. What waits
// when a replay ends is pending.
type Entry struct {
	At        time.Time        `json:"at"` // when it came out
	Reactor   string           `json:"reactor"`
	Step      int              `json:"step"` // NoStep: there was no run
	Trigger   reactors.Trigger `json:"trigger"`
	EventTime time.Time        `json:"event_time"`
	Due       time.Time        `json:"due,omitzero"` // when it was due, or is
	Space     string           `json:"space,omitempty"`
	Member    string           `json:"member,omitempty"`
	Subject   string           `json:"subject"`
	Shadow    bool             `json:"shadow,omitempty"` // its rule was taken by its mode, which is shadow

	Outcome  reactors.Outcome   `json:"outcome"`
	Reason   string             `json:"reason,omitempty"`
	Requests []reactors.Request `json:"requests,omitempty"` // what was sent, or would have been
}

// Texts lists what the entry's messages say, in order.
func (e *Entry) Texts() []string {
	var texts []string
	for _, r := range e.Requests {
		if t := TextOf(r); t != "" {
			texts = append(texts, t)
		}
	}
	return texts
}

// TextOf is what the message of a request says; "" if it is none, or one that
// holds a card only.
func TextOf(r reactors.Request) string {
	var body struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		return ""
	}
	return body.Text
}

// Summary is what came of one rule.
type Summary struct {
	Reactor  string                   `json:"reactor"`
	Pulled   int                      `json:"triggered"` // how often a trigger was pulled
	Outcomes map[reactors.Outcome]int `json:"outcomes"`
}

// Result is what rules would have done.
type Result struct {
	Rules   []Summary `json:"reactors"` // in the order of the file
	Entries []Entry   `json:"entries"`  // in the order of their times
}

// result sums up what came of a rule in a space, or of all of them, what still
// waits among it.
func (m *machine) result(reactor, space string) *Result {
	wanted := func(p place) bool {
		return (reactor == "" || p.reactor == reactor) && (space == "" || p.space == space)
	}
	var waiting []*held
	for _, h := range m.memory.runs {
		if h.run.Outcome == reactors.Pending {
			waiting = append(waiting, h)
		}
	}
	slices.SortFunc(waiting, compareDue)
	for _, h := range waiting {
		h.run.Reason = m.waits(&h.run)
		m.entries = append(m.entries, m.entry(&h.run, nil))
	}
	r := &Result{Rules: []Summary{}, Entries: []Entry{}}
	byRule := map[string]*Summary{}
	of := func(id string) *Summary {
		if byRule[id] == nil {
			byRule[id] = &Summary{Reactor: id, Outcomes: map[reactors.Outcome]int{}}
		}
		return byRule[id]
	}
	for p, n := range m.pulled {
		if wanted(p) {
			of(p.reactor).Pulled += n
		}
	}
	for i := range m.entries {
		if e := &m.entries[i]; wanted(place{e.Reactor, e.Space}) {
			of(e.Reactor).Outcomes[e.Outcome]++
			r.Entries = append(r.Entries, *e)
		}
	}
	for _, rule := range m.set.Rules() {
		if wanted(place{rule.ID, space}) {
			r.Rules = append(r.Rules, *of(rule.ID))
		}
	}
	return r
}

// waits says what a run waits for.
func (m *machine) waits(r *reactors.Run) string {
	reason := cmp.Or(r.Reason, "waiting")
	rule := m.set.Rule(r.Reactor, r.Space)
	switch {
	case rule == nil || rule.Quiet == nil || rule.Quiet.Allows(r.Due):
		return reason
	case rule.Quiet.Drop:
		return reason + ", then it is dropped: quiet hours"
	}
	return reason + ", then quiet hours until " + rule.Quiet.Next(r.Due).UTC().Format(time.RFC3339)
}

// Count sums up an outcome over all rules.
func (r *Result) Count(o reactors.Outcome) int {
	n := 0
	for i := range r.Rules {
		n += r.Rules[i].Outcomes[o]
	}
	return n
}
