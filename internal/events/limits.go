package events

// Limits bound what decoding one message may cost, whoever wrote the message.
// They are checked in the same pass that reads the data, before anything is
// built of the part that breaks them.
type Limits struct {
	MaxBytes int // data, in bytes
	MaxDepth int // objects and arrays within each other
	MaxKeys  int // keys of one object: checking them for duplicates is quadratic
	MaxItems int // resources in a batch
}

// DefaultLimits are the limits of [Decode]. Everything that Google documents
// is far below them.
func DefaultLimits() Limits {
	return Limits{
		// Pub/Sub's own maximum is 10 MB; whether of 10⁶ or 2²⁰ bytes is not said.
		MaxBytes: 10 << 20,
		// A button in a column of a card is some 20 deep. Postgres gives up near 20,000.
		MaxDepth: 64,
		// A Chat message has about 35 fields; form inputs of a card may have more.
		MaxKeys: 256,
		// Google states no limit for a batch; its example has 20 members. One
		// batch is one transaction's rows, so it can't be endless.
		MaxItems: 10_000,
	}
}

// maxCutDepth bounds the nesting of an element that is refused alone: other
// readers of JSON give up beyond it.
const maxCutDepth = 10_000

// Pub/Sub's limits for attributes: a message that breaks them never was in Pub/Sub.
const (
	maxAttributes     = 100
	maxAttributeKey   = 256
	maxAttributeValue = 1024
)

// maxName bounds names, ids and enumerated words: they may become index keys,
// which Postgres can't hold beyond 2,704 bytes.
const maxName = 1024
