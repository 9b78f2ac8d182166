package broker

import (
	"cmp"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Limits of the service (Pub/Sub quotas page and the comments of pubsubpb).
const (
	maxRequestBytes      = 10_000_000
	maxMessageBytes      = 10_000_000
	maxPublishMessages   = 1000
	maxAckRequestBytes   = 512 << 10
	maxAttributes        = 100
	maxAttributeKey      = 256
	maxAttributeValue    = 1024
	maxOrderingKey       = 1024
	maxFilterBytes       = 256
	minAckDeadline       = 10 * time.Second
	maxAckDeadline       = 600 * time.Second
	minRetention         = 10 * time.Minute
	maxRetention         = 31 * 24 * time.Hour
	defaultRetention     = 7 * 24 * time.Hour
	defaultExpiration    = 31 * 24 * time.Hour
	minExpiration        = 24 * time.Hour
	maxBackoff           = 600 * time.Second
	defaultMinBackoff    = 10 * time.Second
	minDeliveryAttempts  = 5
	maxDeliveryAttempts  = 100
	maxResponseMessages  = 250     // of one streaming response
	maxResponseBytes     = 4 << 20 // of one streaming response, but at least one message
	maxPullMessages      = 1000
	deletedTopic         = "_deleted-topic_"
	deadLetterAttributes = "CloudPubSubDeadLetterSource"
)

var (
	resourceID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$`)

	errShutdown = status.Error(codes.Unavailable, "The service was unable to fulfill your request. Please try again.")
	errAged     = status.Error(codes.Unavailable, "The StreamingPull stream reached its maximum age. Please reopen it.")
)

func notFound(name string) error {
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", shortName(name))
}

func alreadyExists(name string) error {
	return status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", shortName(name))
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func unimplemented(what string) error {
	return status.Errorf(codes.Unimplemented, "the simulated Pub/Sub does not support %s", what)
}

func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// projectOf returns P of "projects/P/…".
func projectOf(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	project, _, _ := strings.Cut(rest, "/")
	return project
}

// checkName checks that name is "projects/P/<collection>/ID".
func checkName(name, collection string) error {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[1] == "" || parts[2] != collection ||
		!resourceID.MatchString(parts[3]) || strings.HasPrefix(parts[3], "goog") {
		return invalid("Invalid [%s] name: (name=%s)", collection, name)
	}
	return nil
}

// checkMessage checks the limits of one message and returns its size.
func checkMessage(m *pubsubpb.PubsubMessage) (int, error) {
	size := len(m.GetData()) + len(m.GetOrderingKey())
	if len(m.GetData()) == 0 && len(m.GetAttributes()) == 0 {
		return 0, invalid("Some messages in the batch are empty: a message needs data or an attribute.")
	}
	if len(m.GetAttributes()) > maxAttributes {
		return 0, invalid("The message has %d attributes; the limit is %d.", len(m.GetAttributes()), maxAttributes)
	}
	if len(m.GetOrderingKey()) > maxOrderingKey || !utf8.ValidString(m.GetOrderingKey()) {
		return 0, invalid("The ordering key must be UTF-8 of at most %d bytes.", maxOrderingKey)
	}
	for k, v := range m.GetAttributes() {
		switch {
		case k == "" || len(k) > maxAttributeKey || !utf8.ValidString(k):
			return 0, invalid("An attribute key must be UTF-8 of 1 to %d bytes (it has %d).", maxAttributeKey, len(k))
		case len(v) > maxAttributeValue || !utf8.ValidString(v):
			return 0, invalid("The value of attribute %q must be UTF-8 of at most %d bytes (it has %d).", k, maxAttributeValue, len(v))
		case strings.HasPrefix(k, "goog"):
			return 0, invalid("Attribute key %q is reserved: it begins with goog.", k)
		}
		size += len(k) + len(v)
	}
	if size > maxMessageBytes {
		return 0, invalid("The message has %d bytes; the limit is %d.", size, maxMessageBytes)
	}
	return size, nil
}

// checkSubscription checks a subscription's settings and fills the defaults in.
func checkSubscription(c *pubsubpb.Subscription) error {
	switch {
	case c.EnableExactlyOnceDelivery:
		return unimplemented("exactly-once delivery")
	case c.PushConfig.GetPushEndpoint() != "" || c.BigqueryConfig != nil || c.CloudStorageConfig != nil:
		return unimplemented("push, BigQuery and Cloud Storage subscriptions")
	case len(c.MessageTransforms) > 0:
		return unimplemented("message transforms")
	case len(c.Filter) > maxFilterBytes:
		return invalid("The filter has %d bytes; the limit is %d.", len(c.Filter), maxFilterBytes)
	}
	if c.AckDeadlineSeconds == 0 {
		c.AckDeadlineSeconds = int32(minAckDeadline / time.Second)
	}
	if c.MessageRetentionDuration == nil {
		c.MessageRetentionDuration = durationpb.New(defaultRetention)
	}
	if err := cmp.Or(
		checkRange("ack_deadline", time.Duration(c.AckDeadlineSeconds)*time.Second, minAckDeadline, maxAckDeadline),
		checkRange("message_retention_duration", c.MessageRetentionDuration.AsDuration(), minRetention, maxRetention),
	); err != nil {
		return err
	}
	if c.ExpirationPolicy == nil {
		c.ExpirationPolicy = &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(defaultExpiration)}
	}
	if ttl := c.ExpirationPolicy.Ttl; ttl != nil && ttl.AsDuration() < minExpiration {
		return invalid("Invalid expiration_policy.ttl: %v; it must be at least %v.", ttl.AsDuration(), minExpiration)
	}
	if d := c.DeadLetterPolicy; d != nil {
		if d.MaxDeliveryAttempts == 0 {
			d.MaxDeliveryAttempts = minDeliveryAttempts
		}
		if d.MaxDeliveryAttempts < minDeliveryAttempts || d.MaxDeliveryAttempts > maxDeliveryAttempts {
			return invalid("max_delivery_attempts is %d; it must be between %d and %d.", d.MaxDeliveryAttempts, minDeliveryAttempts, maxDeliveryAttempts)
		}
		if err := checkName(d.DeadLetterTopic, "topics"); err != nil {
			return err
		}
	}
	if r := c.RetryPolicy; r != nil {
		if r.MinimumBackoff == nil {
			r.MinimumBackoff = durationpb.New(defaultMinBackoff)
		}
		if r.MaximumBackoff == nil {
			r.MaximumBackoff = durationpb.New(maxBackoff)
		}
		low, high := r.MinimumBackoff.AsDuration(), r.MaximumBackoff.AsDuration()
		return cmp.Or(checkRange("minimum_backoff", low, 0, maxBackoff), checkRange("maximum_backoff", high, low, maxBackoff))
	}
	return nil
}

func checkRange(field string, got, low, high time.Duration) error {
	if got < low || got > high {
		return invalid("Invalid %s: %v; it must be between %v and %v.", field, got, low, high)
	}
	return nil
}
