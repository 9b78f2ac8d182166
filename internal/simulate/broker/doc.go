// Package broker is a Google Cloud Pub/Sub service in process: the Publisher
// and Subscriber gRPC services with topics, subscriptions, leases, redelivery,
// retry policies, dead letters, filters and flow control, all in memory. Real
// Pub/Sub clients talk to it; it is meant for demos, benchmarks and chaos
// tests, and moves tens of thousands of messages a second.
//
// # What it promises
//
// It is never kinder than Google. Documented limits are enforced, delivery is
// at least once, an acknowledgement that comes after the lease ran out is
// ignored and the message comes again, a broken stream leaves its messages
// leased until their deadline, and a stream never holds more than its
// max_outstanding_messages or starts another message beyond
// max_outstanding_bytes. Streams are closed with UNAVAILABLE at [Options].StreamAge.
//
//	publish ─▶ ready ──take──▶ leased ──ack──▶ gone
//	             ▲                │
//	             │   nack, expiry │ attempts left ─▶ backoff (retry policy) ─▶ ready
//	             └────────────────┘ none left ─────▶ the dead-letter topic
//
// Policies count for those who aren't callers: a [Principal] publishes, and
// Pub/Sub's service agent forwards dead letters, only with the roles for it.
// Callers own the project, but for what [Server.Deny] takes from them.
//
// It differs from Google where a test can't tell or doesn't care: messages of
// one ordering key are delivered one at a time, an idle subscription never
// expires, a policy counts at once, and seek, snapshots, push and exactly-once
// delivery are refused with UNIMPLEMENTED.
//
// # What the caller must do
//
// Close the server. Treat the Data of a message given to [Server.Publish] as
// frozen: it is kept, not copied. With [Options].Now set, call [Server.Tick]
// after moving the clock: nothing falls due by itself then.
//
// # Concurrency
//
// Everything may be called from any goroutine. Each subscription has one lock,
// taken once per request or response and never per message.
package broker
