package provision

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// field is one setting of a topic or subscription.
type field[T any] struct {
	path  string         // as Pub/Sub and Terraform name it
	flag  string         // gcloud's; "" if there is none
	show  func(T) string // as gcloud writes the value; "" if it isn't set
	mend  Mend
	grave bool
	why   string // what comes of another value
	own   bool   // another value means that the resource serves somebody else
}

// mask is what an update of the field names.
func (f field[T]) mask() string {
	mask, _, _ := strings.Cut(f.path, ".")
	return mask
}

const (
	none  = "none"
	never = "never"
)

func subscriptionFields() []field[*pubsubpb.Subscription] {
	type sub = *pubsubpb.Subscription
	return []field[sub]{
		{path: "topic", flag: "--topic", show: sub.GetTopic, mend: Recreate, grave: true, own: true,
			why: "it gets other messages, or none"},
		{path: "detached", show: func(s sub) string { return fmt.Sprint(s.GetDetached()) }, mend: Recreate, grave: true,
			why: "it gets no messages any more"},
		{path: "delivery", show: delivery, mend: Manual, grave: true, own: true,
			why: "something else takes the messages before the worker"},
		{path: "filter", flag: "--message-filter", show: func(s sub) string { return cmp.Or(s.GetFilter(), none) }, mend: Recreate, grave: true,
			why: "Pub/Sub drops what doesn't match, unseen"},
		{path: "message_transforms", show: func(s sub) string { return count(len(s.GetMessageTransforms())) }, mend: Manual, grave: true,
			why: "messages are changed or dropped before the worker sees them"},
		{path: "ack_deadline_seconds", flag: "--ack-deadline",
			show: func(s sub) string { return number(s.GetAckDeadlineSeconds()) },
			why:  "too short, and messages come twice under load; too long, and they wait after a crash"},
		{path: "message_retention_duration", flag: "--message-retention-duration",
			show: func(s sub) string { return text(s.GetMessageRetentionDuration()) },
			why:  "what an outage leaves unread is forgotten sooner than it has to be"},
		{path: "expiration_policy.ttl", flag: "--expiration-period", show: expiration,
			why: "Pub/Sub deletes the subscription, with all that it holds, when nobody pulls for so long"},
		{path: "retry_policy.minimum_backoff", flag: "--min-retry-delay",
			show: func(s sub) string { return text(s.GetRetryPolicy().GetMinimumBackoff()) },
			why:  "without it a message comes again at once, as fast as Pub/Sub can"},
		{path: "retry_policy.maximum_backoff", flag: "--max-retry-delay",
			show: func(s sub) string { return text(s.GetRetryPolicy().GetMaximumBackoff()) },
			why:  "without it a message comes again at once, as fast as Pub/Sub can"},
		{path: "dead_letter_policy.dead_letter_topic", flag: "--dead-letter-topic",
			show: func(s sub) string { return s.GetDeadLetterPolicy().GetDeadLetterTopic() },
			why:  "what no worker survives is delivered again and again"},
		{path: "dead_letter_policy.max_delivery_attempts", flag: "--max-delivery-attempts",
			show: func(s sub) string { return number(s.GetDeadLetterPolicy().GetMaxDeliveryAttempts()) },
			why:  "good messages may end as dead letters after a few bad deploys"},
		{path: "enable_message_ordering", flag: "--enable-message-ordering",
			show: func(s sub) string { return fmt.Sprint(s.GetEnableMessageOrdering()) }, mend: Recreate,
			why: "one message that waits holds up all others of its Workspace Events subscription"},
		{path: "enable_exactly_once_delivery", flag: "--enable-exactly-once-delivery",
			show: func(s sub) string { return fmt.Sprint(s.GetEnableExactlyOnceDelivery()) },
			why:  "it costs throughput and gives nothing that the database doesn't"},
	}
}

func topicFields() []field[*pubsubpb.Topic] {
	type topic = *pubsubpb.Topic
	return []field[topic]{
		{path: "message_storage_policy.allowed_persistence_regions", show: func(t topic) string {
			return cmp.Or(strings.Join(t.GetMessageStoragePolicy().GetAllowedPersistenceRegions(), ","), "any")
		}, mend: Manual, why: "Google may be unable to publish from where it is, and suspends its subscriptions without naming the region"},
		{path: "schema_settings.schema", mend: Manual, grave: true,
			show: func(t topic) string { return cmp.Or(t.GetSchemaSettings().GetSchema(), none) },
			why:  "Pub/Sub refuses events that don't fit the schema"},
		{path: "message_transforms", show: func(t topic) string { return count(len(t.GetMessageTransforms())) }, mend: Manual, grave: true,
			why: "messages are changed or dropped before the worker sees them"},
	}
}

func delivery(s *pubsubpb.Subscription) string {
	switch {
	case s.GetPushConfig().GetPushEndpoint() != "":
		return "push"
	case s.GetBigqueryConfig() != nil:
		return "to BigQuery"
	case s.GetCloudStorageConfig() != nil:
		return "to Cloud Storage"
	}
	return "pull"
}

// number writes a number that is set: Pub/Sub has no zeros here.
func number(n int32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func expiration(s *pubsubpb.Subscription) string {
	switch {
	case s.GetExpirationPolicy() == nil:
		return "" // Pub/Sub always answers with a policy
	case s.ExpirationPolicy.Ttl == nil:
		return never
	}
	return text(s.ExpirationPolicy.Ttl)
}

// text writes a duration as gcloud does.
func text(d *durationpb.Duration) string {
	const day = 24 * time.Hour
	switch span := d.AsDuration(); {
	case d == nil:
		return ""
	case span > 0 && span%day == 0:
		return fmt.Sprintf("%dd", span/day)
	default:
		return fmt.Sprintf("%gs", span.Seconds())
	}
}

func count(n int) string {
	if n == 0 {
		return none
	}
	return fmt.Sprint(n)
}
