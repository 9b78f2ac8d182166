// Package ingest takes messages from Pub/Sub to the store: pull, batch,
// decode, commit, ack.
//
// # What it promises
//
// A message is acked only after the transaction that holds it has committed,
// and it is never nacked: a message that can't be stored now is held, and one
// that can't be understood ever is committed to the quarantine. See [decide]
// for the whole table.
//
//	Receive callback ──▶ pending ──▶ writer: decode, one batch, one transaction
//	      ▲ blocks until its batch has a verdict ◀─────┘
//	      └─ ack
//
// The callback blocks, because Pub/Sub's flow control counts a message as done
// when its callback returns. Blocked callbacks are what bounds memory: there
// are never more than MaxOutstandingMessages messages or MaxOutstandingBytes
// bytes in here. They are also what stops the pull while the database is away.
//
// # Batching
//
// A writer that is free takes whatever is waiting. A lone message is
// committed at once; a writer that comes straight from a commit first waits
// up to [fillWait], so that a flood is written in large transactions.
//
// # Failure
//
// Database away: the writers try again with growing pauses, for as long as it
// takes, while Pub/Sub extends the leases. Receive ended, for example because
// the subscription is missing: it is called again with growing pauses, and
// [Status] says what is wrong meanwhile. A panic while decoding quarantines
// that one message.
//
// # Shutdown
//
// When ctx ends the pull stops first; what is in flight is committed and acked
// under a context of its own. What can't be committed within the grace period
// is released: neither acked nor nacked, so that its lease runs out and Pub/Sub
// delivers it again without spending a delivery attempt on our behalf.
package ingest
