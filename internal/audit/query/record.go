package query

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Record is one of the audit log. What nobody knows is nil.
type Record struct {
	ID              string          `json:"record_id"`
	OccurredAt      time.Time       `json:"occurred_at"`
	RecordedAt      *time.Time      `json:"recorded_at"`
	Category        string          `json:"category"`
	Action          string          `json:"action"`
	ActorID         *string         `json:"actor_id"`
	ActorName       *string         `json:"actor_name"`
	ActorKind       string          `json:"actor_kind"`
	SpaceID         *string         `json:"space_id"`
	SpaceName       *string         `json:"space_name"`
	TargetType      string          `json:"target_type"`
	TargetID        *string         `json:"target_id"`
	TargetName      *string         `json:"target_name"`
	ThreadID        *string         `json:"thread_id"`
	TargetCreatedAt *time.Time      `json:"target_created_at"`
	Prior           json.RawMessage `json:"prior_state"`
	Resulting       json.RawMessage `json:"resulting_state"`
	Changed         []string        `json:"changed"`
	Source          string          `json:"source"`
	ToldBy          string          `json:"told_by"`
}

// State is what prior_state and resulting_state may hold that this program reads.
type State struct {
	Text          *string `json:"text,omitempty"` // nil if it is unknown or hidden
	Characters    *int    `json:"characters,omitempty"`
	DeletionClass *string `json:"deletion_class,omitempty"`
}

// Before and After are what the record says of both states.
func (r *Record) Before() State { return stateOf(r.Prior) }
func (r *Record) After() State  { return stateOf(r.Resulting) }

func stateOf(text json.RawMessage) (s State) {
	_ = json.Unmarshal(text, &s) // what isn't known stays nil
	return s
}

// Match reports whether the query finds a record. It has to be resolved.
func (q Query) Match(r *Record) bool {
	return !slices.ContainsFunc(q.Groups(), func(group []Term) bool {
		return !slices.ContainsFunc(group, func(t Term) bool { return t.matches(r) != t.Not })
	})
}

// Groups are the terms by what they have to do with each other: of each group one
// has to be true. Several values of a key are such a group, if they aren't left out.
func (q Query) Groups() (groups [][]Term) {
	places := map[string]int{}
	for _, t := range q.Terms {
		place, again := places[t.preset+":"+t.Key]
		switch {
		case t.Key == "preset": // its terms follow
		case t.Not || t.isRange() || t.Key == Text:
			groups = append(groups, []Term{t})
		case again:
			groups[place] = append(groups[place], t)
		default:
			places[t.preset+":"+t.Key] = len(groups)
			groups = append(groups, []Term{t})
		}
	}
	return groups
}

func (t *Term) matches(r *Record) bool {
	switch t.Key {
	case "created":
		return !r.OccurredAt.Before(t.From) && r.OccurredAt.Before(t.Until)
	case "age":
		if r.TargetCreatedAt == nil {
			return false
		}
		age := r.OccurredAt.Sub(*r.TargetCreatedAt)
		return age >= t.Least && age < t.Limit
	case "changed":
		return slices.Contains(r.Changed, t.Value)
	case Text:
		has := func(text *string) bool {
			return text != nil && strings.Contains(strings.ToLower(*text), strings.ToLower(t.Value))
		}
		return has(r.Before().Text) || has(r.After().Text)
	}
	value := t.field(r)
	return value != nil && like(t.Value, *value)
}

// field is what the key stands for.
func (t *Term) field(r *Record) *string {
	switch t.Key {
	case "action":
		return &r.Action
	case "actor":
		return r.ActorID
	case "actor_kind":
		return &r.ActorKind
	case "class":
		return r.After().DeletionClass
	case "source":
		return &r.Source
	case "space":
		return r.SpaceID
	case "target":
		return r.TargetID
	case "thread":
		return r.ThreadID
	}
	return nil
}
