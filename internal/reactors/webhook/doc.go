// Package webhook is the action "webhook": it tells another system what
// happened, by a signed POST.
//
// # What it promises
//
// The body is a CloudEvents 1.0 event in structured JSON; [Data] is its data.
// It is signed as Standard Webhooks has it, with every secret in the file, so
// that secrets can be changed without a gap. The id is the same in all tries:
// a receiver that remembers webhook-ids for a day takes each event once.
//
// A text is sent only if the rule says so. Nothing else than the address that
// the rule names is talked to: no proxy, no redirect, and no address that is
// not public unless it is allowed (see [Options]); the address is looked at
// when the connection is made, after DNS has had its say.
//
// # What the caller must do
//
// Call [Action.Close] at the end. Give the secret as a file: one or several
// lines like whsec_BASE64, of 24 to 64 bytes. It is read for each try and
// stored nowhere.
//
// # What happens on failure
//
// 408, 425, 429, 5xx, an unreadable secret and a broken network may be
// retried, not before Retry-After if the receiver says so. Any other answer
// than 2xx, and an address that may not be reached, are permanent. Errors name
// the host, never the rest of the URL, which may hold a token.
//
// # Concurrency
//
// An Action may be used by any number of goroutines.
package webhook
