// Package quarantine keeps what can't be recorded: messages that can't be
// decoded or stored, whole.
//
// It promises that the same message is kept once, and that what went in is
// told once a minute for each reason. The caller writes within its transaction.
package quarantine

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// Message is a delivery that is kept whole instead of being recorded.
type Message struct {
	Index      int // whatever the caller finds it by
	delivery   *events.Delivery
	key        [16]byte
	attributes []byte // JSON
	why        *events.Malformed
}

// NewMessage returns the message of a delivery, and why it is kept.
func NewMessage(index int, d *events.Delivery, why *events.Malformed) Message {
	attributes, err := json.Marshal(d.Attributes) // sorts the keys
	if err != nil {
		attributes = []byte("{}") // a map of strings: it can't be
	}
	sum := sha256.Sum256([]byte(d.MessageID + "\n" + string(attributes) + "\n" + string(d.Data)))
	return Message{Index: index, delivery: d, key: [16]byte(sum[:16]), attributes: attributes, why: why}
}

// Queue adds the messages to a transaction.
func Queue(q *pgx.Batch, messages []Message) {
	if len(messages) == 0 {
		return
	}
	rows := slices.Clone(messages)
	slices.SortFunc(rows, func(x, y Message) int { return bytes.Compare(x.key[:], y.key[:]) })
	text := func(field func(*Message) string) []string { return store.Column(rows, field) }
	entries := proofs.NewEntries(len(rows))
	q.Queue(`
		WITH given AS (
			SELECT *
			FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[],
				$6::text[], $7::text[], $8::text[], $9::bytea[], $10::text[], $11::bytea[])
				AS i (quarantine_key, received_at, publish_time, message_id, ordering_key,
				reason, detail, attributes, data, ce_id, leaf)
		), added AS (
			INSERT INTO quarantine (quarantine_key, event_key, received_at, publish_time, message_id, ordering_key,
				reason, detail, attributes, data)
			SELECT quarantine_key, event_key(NULLIF(ce_id, '')), received_at, publish_time, message_id, ordering_key,
				reason, detail, attributes::json, data
			FROM given
			ON CONFLICT DO NOTHING
			RETURNING quarantine_key
		)
		INSERT INTO proof_pending (entries)
		SELECT string_agg(leaf, '')
		FROM given
		WHERE (quarantine_key IN (SELECT quarantine_key FROM added)) IS TRUE
		HAVING count(*) > 0`,
		store.Column(rows, func(x *Message) pgtype.UUID { return pgtype.UUID{Bytes: x.key, Valid: true} }),
		store.Column(rows, func(x *Message) time.Time { return x.delivery.ReceivedAt }),
		store.Column(rows, func(x *Message) pgtype.Timestamptz { return store.OptionalTime(x.delivery.PublishTime) }),
		text(func(x *Message) string { return store.Clean(x.delivery.MessageID) }),
		text(func(x *Message) string { return store.Clean(x.delivery.OrderingKey) }),
		text(func(x *Message) string { return cmp.Or(string(x.why.Reason), "unknown") }),
		text(func(x *Message) string { return store.Clean(x.why.Detail) }),
		text(func(x *Message) string { return string(x.attributes) }),
		store.Column(rows, func(x *Message) []byte { return x.data() }),
		text(func(x *Message) string { return store.Clean(x.delivery.Attributes["ce-id"]) }),
		store.Column(rows, func(x *Message) []byte { return entries.Quarantined(x.leafRow()) }))
}

// data is what was received; nil would be NULL.
func (x *Message) data() []byte { return append([]byte{}, x.delivery.Data...) }

// leafRow is the row as the transparency log has it.
func (x *Message) leafRow() *proofs.QuarantineRow {
	d := x.delivery
	return &proofs.QuarantineRow{
		Key: x.key, ReceivedAt: store.Microseconds(d.ReceivedAt), PublishTime: store.Microseconds(d.PublishTime),
		MessageID: store.Clean(d.MessageID), OrderingKey: store.Clean(d.OrderingKey), Reason: cmp.Or(string(x.why.Reason), "unknown"),
		Detail: store.Clean(x.why.Detail), Attributes: string(x.attributes), Data: x.data(),
	}
}

// Reports tell at most once a minute for each reason that something went to
// the quarantine. The zero value works.
type Reports struct {
	mu    sync.Mutex
	since map[events.Reason]*report
}

type report struct {
	at    time.Time // of the last line
	count int       // since then
}

const reportEvery = time.Minute

// Committed tells of what a transaction put into the quarantine.
func (r *Reports) Committed(log *zap.Logger, now time.Time, messages []Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range messages {
		m := &messages[i]
		last := r.since[m.why.Reason]
		if last == nil {
			if r.since == nil {
				r.since = map[events.Reason]*report{}
			}
			last = &report{}
			r.since[m.why.Reason] = last
		}
		last.count++
		if now.Sub(last.at) < reportEvery {
			continue
		}
		log.Warn("messages went to quarantine; `subscriber quarantine list` shows them",
			zap.String("reason", string(m.why.Reason)), zap.Int("count", last.count),
			zap.String("message_id", m.delivery.MessageID), zap.String("detail", m.why.Detail))
		last.at, last.count = now, 0
	}
}
