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
	text := func(field func(*quarantined) string) []string { return store.Column(rows, field) }
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
		store.Column(rows, func(x *quarantined) pgtype.UUID { return pgtype.UUID{Bytes: x.key, Valid: true} }),
		store.Column(rows, func(x *quarantined) time.Time { return x.d.ReceivedAt }),
		store.Column(rows, func(x *quarantined) pgtype.Timestamptz { return store.OptionalTime(x.d.PublishTime) }),
		text(func(x *quarantined) string { return store.Clean(x.d.MessageID) }),
		text(func(x *quarantined) string { return store.Clean(x.d.OrderingKey) }),
		text(func(x *quarantined) string { return cmp.Or(string(x.why.Reason), "unknown") }),
		text(func(x *quarantined) string { return store.Clean(x.why.Detail) }),
		text(func(x *quarantined) string { return string(x.attributes) }),
		store.Column(rows, func(x *quarantined) []byte { return append([]byte{}, x.d.Data...) })) // nil would be NULL
}
