// Package ingest moves messages from Pub/Sub to the store: pull, batch, decode,
// commit, ack.
//
// # What it promises
//
// A message is acked only after the transaction that holds it has committed,
// and we never nack one: a message that can't be stored now is held, and a
// malformed one is committed to the quarantine. [decide] has the whole table.
//
//	Receive callback ──▶ pending ──▶ writer: decode, one batch, one transaction
//	      ▲ blocks until its batch has a verdict ◀─────┘
//	      └─ ack
//
// The callback blocks, because Pub/Sub's flow control counts a message as done
// when its callback returns. Blocked callbacks bound memory to
// MaxOutstandingMessages messages and MaxOutstandingBytes bytes, and stop the
// pull while the database is away.
//
// # Batching
//
// A free writer takes all waiting messages. It commits a lone message at once;
// right after a commit it first waits up to [fillWait], so that many messages
// are written in large transactions.
//
// # Failure
//
// Database away: the writers try again with growing pauses, for as long as it
// takes, while Pub/Sub extends the leases. A message that the database refuses
// again and again with the same code is found by halving its batch and held
// apart; the others are recorded. Receive ended, for example because
// the subscription is missing: it is called again with growing pauses, and
// [Status] says what is wrong meanwhile. A panic while decoding quarantines
// that one message.
//
// # Shutdown
//
// When ctx ends the pull stops first; messages in flight are committed and acked
// under a context of their own. Those that can't be committed within the grace
// period are released: neither acked nor nacked, so that their leases run out
// and Pub/Sub delivers them again without counting a delivery attempt.
// A Pub/Sub that can't be reached isn't waited for once all is committed.
package ingest
