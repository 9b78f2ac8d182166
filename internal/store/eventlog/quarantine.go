package eventlog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// quarantined is a delivery that is kept whole instead of being recorded.
type quarantined struct {
	delivery   int
	key        Key
	d          *events.Delivery
	attributes []byte // JSON
	why        *events.Malformed
}

func (b *batch) quarantineDelivery(i int, why *events.Malformed) {
	d := &b.deliveries[i]
	attributes, err := json.Marshal(d.Attributes) // sorts the keys
	if err != nil {
		attributes = []byte("{}") // a map of strings: it can't be
	}
	key := hashKey(d.MessageID + "\n" + string(attributes) + "\n" + string(d.Data))
	b.quarantine = append(b.quarantine, quarantined{delivery: i, key: key, d: d, attributes: attributes, why: why})
}

func absurdTime(at time.Time) *events.Malformed {
	return &events.Malformed{
		Reason: ReasonAbsurdTime,
		Detail: fmt.Sprintf("event time %s is outside of %d days back to %d ahead",
			at.Format(time.RFC3339), oldestEvent/(24*time.Hour), newestEvent/(24*time.Hour)),
		Offset: -1,
	}
}

func (b *batch) queueQuarantine(q *pgx.Batch) {
	if len(b.quarantine) == 0 {
		return
	}
	rows := slices.Clone(b.quarantine)
	slices.SortFunc(rows, func(x, y quarantined) int { return bytes.Compare(x.key[:], y.key[:]) })
	n := len(rows)
	keys, receivedAt, publishTimes := make([]pgtype.UUID, n), make([]time.Time, n), make([]pgtype.Timestamptz, n)
	messageIDs, orderingKeys := make([]string, n), make([]string, n)
	reasons, details := make([]string, n), make([]string, n)
	attributes, data := make([]string, n), make([][]byte, n)
	for i := range rows {
		x := &rows[i]
		keys[i] = pgtype.UUID{Bytes: x.key, Valid: true}
		receivedAt[i], publishTimes[i] = x.d.ReceivedAt, store.OptionalTime(x.d.PublishTime)
		messageIDs[i], orderingKeys[i] = store.Clean(x.d.MessageID), store.Clean(x.d.OrderingKey)
		reasons[i], details[i] = cmp.Or(string(x.why.Reason), "unknown"), store.Clean(x.why.Detail)
		attributes[i], data[i] = string(x.attributes), x.d.Data
		if data[i] == nil {
			data[i] = []byte{}
		}
	}
	q.Queue(`
		INSERT INTO quarantine (quarantine_key, received_at, publish_time, message_id, ordering_key,
			reason, detail, attributes, data)
		SELECT quarantine_key, received_at, publish_time, message_id, ordering_key,
			reason, detail, attributes::json, data
		FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[],
			$6::text[], $7::text[], $8::text[], $9::bytea[])
			AS i (quarantine_key, received_at, publish_time, message_id, ordering_key,
			reason, detail, attributes, data)
		ON CONFLICT DO NOTHING`,
		keys, receivedAt, publishTimes, messageIDs, orderingKeys, reasons, details, attributes, data)
}
