package provision

import (
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// What the simulated Pub/Sub has no room for.
func TestCompareSubscription(t *testing.T) {
	t.Parallel()
	names := Names{"projects/p/topics/events", "projects/other/subscriptions/worker", "projects/p/topics/dead", "projects/p/subscriptions/dead"}
	want := names.Facts("1", "").Subscriptions[1]
	tests := map[string]struct {
		change   func(*pubsubpb.Subscription)
		got, fix string
		foreign  bool
	}{
		"detached": {func(s *pubsubpb.Subscription) { s.Detached = true }, "detached true",
			"gcloud pubsub subscriptions create worker-2 --project=other --topic=projects/p/topics/events ", false},
		"push": {func(s *pubsubpb.Subscription) {
			s.PushConfig = &pubsubpb.PushConfig{PushEndpoint: "https://example.com"}
		}, "delivery push",
			"gcloud pubsub subscriptions modify-push-config worker --project=other --push-endpoint=", true},
		"BigQuery": {func(s *pubsubpb.Subscription) { s.BigqueryConfig = &pubsubpb.BigQueryConfig{Table: "p.d.t"} }, "delivery to BigQuery",
			"gcloud pubsub subscriptions create worker-2 ", true},
		"Cloud Storage": {func(s *pubsubpb.Subscription) { s.CloudStorageConfig = &pubsubpb.CloudStorageConfig{Bucket: "b"} }, "delivery to Cloud Storage",
			"gcloud pubsub subscriptions create worker-2 ", true},
		"transforms": {func(s *pubsubpb.Subscription) { s.MessageTransforms = []*pubsubpb.MessageTransform{{}} }, "message_transforms 1",
			"gcloud pubsub subscriptions update worker --project=other --clear-message-transforms", false},
		"exactly once": {func(s *pubsubpb.Subscription) { s.EnableExactlyOnceDelivery = true }, "enable_exactly_once_delivery true",
			"gcloud pubsub subscriptions update worker --project=other --no-enable-exactly-once-delivery", false},
		"topic deleted": {func(s *pubsubpb.Subscription) { s.Topic = "_deleted-topic_" }, "topic _deleted-topic_",
			"gcloud pubsub subscriptions create worker-2 ", true},
	}
	for name, tt := range tests {
		live := proto.CloneOf(want)
		tt.change(live)
		drifts := compareSubscription(live, want)
		if len(drifts) != 1 || drifts[0].Field+" "+drifts[0].Got != tt.got || !strings.HasPrefix(drifts[0].Fix, tt.fix) || servesOthers(drifts) != tt.foreign {
			t.Errorf("%s: got %+v, foreign %v", name, drifts, servesOthers(drifts))
		}
	}
	dead := names.Facts("1", "").Subscriptions[0]
	live := proto.CloneOf(dead)
	live.Filter = "attributes:x"
	if drifts := compareSubscription(live, dead); len(drifts) != 1 || !strings.HasPrefix(drifts[0].Fix, "gcloud pubsub subscriptions create dead --project=p --topic=dead ") || !strings.HasSuffix(drifts[0].Fix, "and deleted it") {
		t.Errorf("dead letters: got %+v", drifts)
	}
	if drifts := compareSubscription(want, want); len(drifts) > 0 {
		t.Errorf("the facts differ from themselves: %v", drifts)
	}
}

func TestCompareTopic(t *testing.T) {
	t.Parallel()
	want := &pubsubpb.Topic{Name: "projects/p/topics/events"}
	live := proto.CloneOf(want)
	live.SchemaSettings = &pubsubpb.SchemaSettings{Schema: "projects/p/schemas/s"}
	live.MessageTransforms = []*pubsubpb.MessageTransform{{}}
	live.Labels = map[string]string{"team": "chat"}
	live.KmsKeyName = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
	var fixes []string
	for _, d := range compareTopic(live, want) {
		fixes = append(fixes, d.Fix)
	}
	const update = "gcloud pubsub topics update events --project=p "
	if got := strings.Join(fixes, "\n"); got != update+"--clear-schema-settings\n"+update+"--clear-message-transforms" {
		t.Errorf("got %s", got)
	}
}
