// Package events turns what Google puts on the wire into typed events.
//
// It is pure: no I/O, no clock, nothing but the standard library. The table of
// event types (types.go) and the forms of resource names (names.go) stand here
// only. [Decode] takes the attributes and data of one Pub/Sub message (or of one SpaceEvent
// that a backfill fetched) and returns an [Event] whose Items name every
// resource the message speaks of. A batch event becomes as many items as it
// has elements, numbered by Ordinal, so that (event id, ordinal) identifies an
// item for good.
//
// # What it promises
//
// Every event type that Google documents for Chat decodes, in its single and
// its batch form, with full resources or with names only. A type that nobody
// has documented yet is kept, as an event of KindUnknown. What can't be
// decoded at all is a [*Malformed] that says why; the caller keeps the raw
// bytes. Decode panics on no input. [Limits] bound its cost: the pass that reads
// also checks them, and stops where one is broken; of a batch's element that is
// refused it then looks for the end only, so no byte is read more than twice.
//
// A message is refused if it isn't strict JSON, if Postgres could not hold its
// strings, or if it lacks the resource and name that its type promises; an element
// of a batch alone for the same, as long as the batch is JSON. What a later
// version of the API may add, such as an unknown field, is no reason.
//
// # How it reads
//
// One hand-written reader (reader.go, text.go) checks every byte and hands out
// the fields that payload.go asks for. encoding/json takes three times as long
// and accepts what must not pass: duplicate keys, keys that match a field but
// for case, half surrogate pairs, bytes that aren't UTF-8. json/v2 refuses these;
// Decode on top of it takes about 1.6 times as long (go-json-experiment/json
// v1.27.2).
//
// # What the caller must do
//
// Keep the raw bytes: an Event holds what queries need, not all that was sent.
// Look at Kind and Verb before the pointers: see [Item].
//
// # Concurrency
//
// Decode has no state. An Event is not changed by anything here once returned.
package events
