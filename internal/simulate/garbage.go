package simulate

import (
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// GarbageKind is a way in which a message can be malformed.
type GarbageKind string

// Each kind is one that a worker has to put away without losing its bytes.
const (
	GarbageNotJSON        GarbageKind = "not_json"
	GarbageTruncated      GarbageKind = "truncated"
	GarbageEmpty          GarbageKind = "empty"
	GarbageNoResource     GarbageKind = "no_resource"
	GarbageNoName         GarbageKind = "no_name"
	GarbageInvalidUTF8    GarbageKind = "invalid_utf8"
	GarbageNUL            GarbageKind = "nul"
	GarbageLoneSurrogate  GarbageKind = "lone_surrogate"
	GarbageDuplicateKey   GarbageKind = "duplicate_key"
	GarbageTooDeep        GarbageKind = "too_deep"
	GarbageNoID           GarbageKind = "no_id"
	GarbageBadTime        GarbageKind = "bad_time"
	GarbageAbsurdTime     GarbageKind = "absurd_time" // decodes, but lies in the year 9999
	GarbageStructuredMode GarbageKind = "structured_mode"
	GarbageUnrelated      GarbageKind = "unrelated" // neither a CloudEvent nor an interaction
)

var garbageKinds = []GarbageKind{
	GarbageNotJSON, GarbageTruncated, GarbageEmpty, GarbageNoResource, GarbageNoName, GarbageInvalidUTF8,
	GarbageNUL, GarbageLoneSurrogate, GarbageDuplicateKey, GarbageTooDeep, GarbageNoID, GarbageBadTime,
	GarbageAbsurdTime, GarbageStructuredMode, GarbageUnrelated,
}

// GarbageKinds lists every kind.
func GarbageKinds() []GarbageKind { return slices.Clone(garbageKinds) }

// PublishGarbage publishes one malformed message of the kind to the topic
// ("projects/P/topics/T").
func (w *Workspace) PublishGarbage(kind GarbageKind, topic string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.publishGarbage(kind, topic)
}

func (w *Workspace) publishGarbage(kind GarbageKind, topic string) error {
	w.emitter.garbage++
	ids, err := w.emitter.publisher.Publish(topic, w.garbage(kind))
	if err != nil {
		return fmt.Errorf("publish garbage %q to %s: %w", kind, topic, err)
	}
	w.truth.Garbage = append(w.truth.Garbage, Garbage{kind, topic, ids[0]})
	return nil
}

// garbage spoils an otherwise good message.created.
func (w *Workspace) garbage(kind GarbageKind) *pubsubpb.PubsubMessage {
	n := w.emitter.garbage
	space := fmt.Sprintf("spaces/GARBAGE%d", n)
	good := fmt.Sprintf(`{"message":{"name":"%s/messages/M.M","sender":{"name":"users/1","type":"HUMAN"},"text":"spoilt"`, space)
	id := fmt.Sprintf("%s/spaceEvents/%d", space, n)
	event := cloudEvent(id, messageCreated, "subscriptions/garbage", spaceTarget(space), w.state.tick(), nil)
	data, spoilt := map[GarbageKind]string{
		GarbageNotJSON:       "<message>this isn't JSON</message>",
		GarbageTruncated:     good,
		GarbageEmpty:         "",
		GarbageNoResource:    `{"membership":{"name":"spaces/S/members/1"}}`,
		GarbageNoName:        `{"message":{"text":"spoilt"}}`,
		GarbageInvalidUTF8:   good + `,"argumentText":"` + "\xff\xfe" + `"}}`,
		GarbageNUL:           good + `,"argumentText":"a\u0000b"}}`,
		GarbageLoneSurrogate: good + `,"argumentText":"\ud800"}}`,
		GarbageDuplicateKey:  good + `,"text":"again"}}`,
		GarbageTooDeep:       good + `,"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "}}",
	}[kind]
	if !spoilt {
		data = good + "}}"
	}
	switch kind {
	case GarbageNoID:
		delete(event.Attributes, "ce-id")
	case GarbageBadTime:
		event.Attributes["ce-time"] = "yesterday"
	case GarbageAbsurdTime:
		event.Attributes["ce-time"] = "9999-12-31T23:59:59.999999Z"
	case GarbageStructuredMode:
		event.Attributes = map[string]string{"content-type": "application/cloudevents+json"}
		data = `{"specversion":"1.0","id":"1","type":"` + messageCreated + `","data":` + good + "}}}"
	case GarbageUnrelated:
		event.Attributes = map[string]string{"origin": "something else on this topic"}
		data = `{"hello":"world"}`
	}
	event.Data, event.OrderingKey = []byte(data), ""
	return event
}
