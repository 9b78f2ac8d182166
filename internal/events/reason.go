package events

// The reasons that [Decode] gives. They are stored with the quarantined bytes,
// so a code keeps its meaning for good.
const (
	// The envelope: what the attributes say.

	// ReasonNotACloudEvent: there are no ce-* attributes, and the data isn't an interaction event either.
	ReasonNotACloudEvent Reason = "not_a_cloudevent"
	// ReasonStructuredMode: the CloudEvent is in structured mode. Google sends binary mode.
	ReasonStructuredMode Reason = "structured_mode"
	// ReasonBadAttribute: an attribute is longer than Pub/Sub allows, isn't UTF-8 or holds a NUL, or there are too many.
	ReasonBadAttribute Reason = "bad_attribute"
	// ReasonMissingAttribute: an attribute that every event needs is absent or empty.
	ReasonMissingAttribute Reason = "missing_attribute"
	// ReasonUnsupportedVersion: ce-specversion isn't 1.0.
	ReasonUnsupportedVersion Reason = "unsupported_specversion"
	// ReasonUnsupportedContentType: a documented event type whose data is said not to be JSON.
	ReasonUnsupportedContentType Reason = "unsupported_content_type"

	// The data: limits and strictness, checked before anything is built of it.

	// ReasonTooLarge: more bytes than [Limits].MaxBytes.
	ReasonTooLarge Reason = "too_large"
	// ReasonSyntax: not JSON.
	ReasonSyntax Reason = "bad_json"
	// ReasonTooDeep: more nested objects and arrays than [Limits].MaxDepth.
	ReasonTooDeep Reason = "too_deep"
	// ReasonTooManyKeys: an object with more keys than [Limits].MaxKeys.
	ReasonTooManyKeys Reason = "too_many_keys"
	// ReasonTooManyItems: a batch of more resources than [Limits].MaxItems.
	ReasonTooManyItems Reason = "too_many_items"
	// ReasonInvalidUTF8: a string with bytes that aren't UTF-8.
	ReasonInvalidUTF8 Reason = "invalid_utf8"
	// ReasonNUL: a string with a NUL, raw or as \u0000: Postgres can't hold it.
	ReasonNUL Reason = "nul"
	// ReasonLoneSurrogate: a \uD800 to \uDFFF that isn't one half of a pair.
	ReasonLoneSurrogate Reason = "lone_surrogate"
	// ReasonDuplicateKey: two keys of one object are equal, so that readers would
	// differ about which one counts.
	ReasonDuplicateKey Reason = "duplicate_key"

	// The payload: JSON, but not what the event's type promises.

	// ReasonWrongType: a field holds another JSON type than Google documents.
	ReasonWrongType Reason = "wrong_type"
	// ReasonBadTime: a time that isn't RFC 3339, in ce-time or in a field that is recorded.
	ReasonBadTime Reason = "bad_time"
	// ReasonMissingResource: the key that holds the type's resource is absent, or a batch is empty.
	ReasonMissingResource Reason = "missing_resource"
	// ReasonMissingName: the resource has no name.
	ReasonMissingName Reason = "missing_name"
	// ReasonNameTooLong: a name, an id or an enumerated word of more than 1,024 bytes, which can't be indexed.
	ReasonNameTooLong Reason = "name_too_long"
	// ReasonBadName: the resource's name isn't of the form that its kind has.
	ReasonBadName Reason = "bad_name"
)
