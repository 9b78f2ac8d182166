package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
)

// ecsVersion is that of the Elastic Common Schema. docs/audit-export.md shows what of
// a record goes where.
const ecsVersion = "8.17.0"

// ecsWriter writes records as lines of JSON in the Elastic Common Schema.
type ecsWriter struct{ out *json.Encoder }

func (w *ecsWriter) Row([][]byte) error { return errors.New("write ECS: want a record") }
func (w *ecsWriter) Close() error       { return nil }

type ecsDocument struct {
	Timestamp time.Time   `json:"@timestamp"`
	Message   *string     `json:"message,omitempty"`
	ECS       ecsVersions `json:"ecs"`
	Event     ecsEvent    `json:"event"`
	User      *ecsUser    `json:"user,omitempty"`
	Group     *ecsName    `json:"group,omitempty"`
	Own       ecsOwn      `json:"spacekeeper"`
}

type ecsVersions struct {
	Version string `json:"version"`
}

type ecsEvent struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Category []string   `json:"category,omitempty"`
	Type     []string   `json:"type"`
	Action   string     `json:"action"`
	Outcome  string     `json:"outcome,omitempty"`
	Created  *time.Time `json:"created,omitempty"`
	Dataset  string     `json:"dataset"`
	Provider string     `json:"provider"`
}

type ecsName struct {
	ID   *string `json:"id,omitempty"`
	Name *string `json:"name,omitempty"`
}

type ecsUser struct {
	ecsName
	Target *ecsName `json:"target,omitempty"`
}

// ecsOwn is what the schema has no fields for.
type ecsOwn struct {
	ActorKind       string          `json:"actor_kind"`
	Space           *ecsName        `json:"space,omitempty"`
	TargetType      string          `json:"target_type"`
	Target          *ecsName        `json:"target,omitempty"`
	ThreadID        *string         `json:"thread_id,omitempty"`
	TargetCreatedAt *time.Time      `json:"target_created_at,omitempty"`
	Prior           json.RawMessage `json:"prior_state,omitempty"`
	Resulting       json.RawMessage `json:"resulting_state,omitempty"`
	Changed         []string        `json:"changed,omitempty"`
	Source          string          `json:"source"`
	ToldBy          string          `json:"told_by"`
}

// ecsTypes are the types of what the words after the point tell.
var ecsTypes = map[string]string{
	"created": "creation", "added": "creation", "deleted": "deletion", "removed": "deletion", "edited": "change", "updated": "change",
	"joined": "change", "left": "change", "role_changed": "change", "changed": "change", "started": "start", "finished": "end",
	"content_viewed": "access", "raw_viewed": "access", "text_searched": "access",
}

func (w *ecsWriter) record(r *query.Record) error {
	named := func(id, name *string) *ecsName {
		if id == nil {
			return nil
		}
		return &ecsName{id, name}
	}
	d := ecsDocument{
		Timestamp: r.OccurredAt, ECS: ecsVersions{ecsVersion}, Message: r.After().Text,
		Event: ecsEvent{
			ID: r.ID, Kind: "event", Action: r.Action, Created: r.RecordedAt, Dataset: "spacekeeper.audit", Provider: "google_chat",
		},
		Own: ecsOwn{
			ActorKind: r.ActorKind, Space: named(r.SpaceID, r.SpaceName), TargetType: r.TargetType, Target: named(r.TargetID, r.TargetName),
			ThreadID: r.ThreadID, TargetCreatedAt: r.TargetCreatedAt, Prior: r.Prior, Resulting: r.Resulting, Changed: r.Changed,
			Source: r.Source, ToldBy: r.ToldBy,
		},
	}
	category, word, _ := strings.Cut(r.Action, ".")
	d.Event.Type = []string{ecsTypes[word]}
	if ecsTypes[word] == "" {
		d.Event.Type[0] = "info"
	}
	switch category {
	case "member", "group":
		d.Event.Category, d.Event.Type = []string{"iam"}, append([]string{"group"}, d.Event.Type...)
	case "space", "policy":
		d.Event.Category = []string{"configuration"}
	}
	switch word {
	case "sent":
		d.Event.Outcome = "success"
	case "failed":
		d.Event.Outcome = "failure"
	case "unclear":
		d.Event.Outcome = "unknown"
	}
	if r.ActorID != nil {
		d.User = &ecsUser{ecsName: ecsName{r.ActorID, r.ActorName}}
	}
	switch r.TargetType {
	case "member":
		if d.User == nil {
			d.User = &ecsUser{}
		}
		d.User.Target = d.Own.Target
	case "group":
		d.Group = d.Own.Target
	}
	return w.out.Encode(d)
}
