// Package mend brings back what could not be recorded or projected when it
// came: messages in quarantine, and projections that are wrong or incomplete.
//
// It promises that nothing takes effect twice and that no rule is asked about
// what is old: whoever is greeted late is greeted by a person. All of it may
// run beside the worker, be interrupted and be run again.
package mend

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// Mender mends one database.
type Mender struct {
	db  *store.Store
	log *eventlog.Log

	// Told is called with how many parts of a space Rebuild has done; nil for nobody.
	Told func(done, of int)
}

// New returns a Mender. The log must be one that asks no rules.
func New(db *store.Store, log *eventlog.Log) *Mender { return &Mender{db: db, log: log} }

// Key names a message in quarantine.
type Key = [16]byte

// Keys reads keys as a list shows them.
func Keys(texts []string) ([]Key, error) {
	list := make([]Key, 0, len(texts))
	for _, text := range texts {
		plain, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
		if err != nil || len(plain) != len(Key{}) {
			return nil, fmt.Errorf("%q is not the key of a message: subscriber quarantine list shows them", text)
		}
		list = append(list, Key(plain))
	}
	return list, nil
}

// Kept is a message in quarantine.
type Kept struct {
	Key         Key
	ReceivedAt  time.Time
	PublishTime time.Time // zero for a backfill
	MessageID   string
	OrderingKey string
	Reason      events.Reason
	Detail      string
	Attributes  map[string]string
	Data        []byte
}

// Filter says which messages; zero values leave nothing out.
type Filter struct {
	Reason events.Reason
	Keys   []Key
	Max    int
}

// Quarantine lists messages in quarantine, the newest first.
func (m *Mender) Quarantine(ctx context.Context, f Filter) ([]Kept, error) {
	return m.page(ctx, f, nil)
}

// page lists those before a message; before nil are all.
func (m *Mender) page(ctx context.Context, f Filter, before *Kept) ([]Kept, error) {
	at, key := pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, Key{}
	if before != nil {
		at, key = pgtype.Timestamptz{Time: before.ReceivedAt, Valid: true}, before.Key
	}
	list, err := store.List(ctx, m.db, func(row pgx.CollectableRow) (k Kept, err error) {
		var key pgtype.UUID
		var attributes []byte
		err = row.Scan(&key, &k.ReceivedAt, store.Nullable(&k.PublishTime), &k.MessageID, &k.OrderingKey,
			&k.Reason, &k.Detail, &attributes, &k.Data)
		if err == nil {
			k.Key = key.Bytes
			err = json.Unmarshal(attributes, &k.Attributes)
		}
		return k, err
	}, `
		SELECT quarantine_key, received_at, publish_time, message_id, ordering_key, reason, detail, attributes, data
		FROM quarantine
		WHERE ($1 = '' OR reason = $1)
			AND (cardinality($2::uuid[]) = 0 OR quarantine_key = ANY ($2))
			AND (received_at, quarantine_key) < ($3, $4)
		ORDER BY received_at DESC, quarantine_key DESC
		LIMIT $5`, string(f.Reason), store.Column(f.Keys, uuid), at, uuid(&key), max(f.Max, 1))
	if err != nil {
		return nil, fmt.Errorf("read what is in quarantine: %w", err)
	}
	return list, nil
}

func uuid(k *Key) pgtype.UUID { return pgtype.UUID{Bytes: *k, Valid: true} }

// Retried counts what a retry came to.
type Retried struct {
	Recorded   int
	Duplicates int // recorded meanwhile
	Kept       int // still refused
}

// retryPage is how many messages are retried at once.
const retryPage = 200

// Retry decodes and records messages anew, under the keys that they would
// have had, and takes those that are recorded out of quarantine.
func (m *Mender) Retry(ctx context.Context, f Filter) (r Retried, err error) {
	f.Max = retryPage
	err = items.Pages(retryPage, func(last *Kept) ([]Kept, error) {
		list, err := m.page(ctx, f, last)
		if err == nil {
			err = m.retry(ctx, list, &r)
		}
		return list, err
	})
	return r, err
}

func (m *Mender) retry(ctx context.Context, list []Kept, r *Retried) error {
	deliveries := make([]events.Delivery, len(list))
	for i, k := range list {
		d := events.Delivery{
			MessageID: k.MessageID, PublishTime: k.PublishTime, ReceivedAt: k.ReceivedAt,
			Attributes: k.Attributes, Data: k.Data, OrderingKey: k.OrderingKey, Origin: events.OriginLive,
		}
		if k.MessageID == "" { // only a backfill has none
			d.Origin = events.OriginBackfill
		}
		d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
		deliveries[i] = d
	}
	outcomes, err := m.log.Record(ctx, deliveries)
	var done []Key
	for i, o := range outcomes {
		if ev := deliveries[i].Event; ev != nil && ev.Refused != nil {
			r.Kept++ // for the elements that are still refused
			continue
		}
		switch o {
		case events.Recorded:
			r.Recorded++
			done = append(done, list[i].Key)
		case events.Duplicate:
			r.Duplicates++
			done = append(done, list[i].Key)
		default:
			r.Kept++
		}
	}
	// In another transaction: if it is lost, the next retry finds a duplicate.
	if len(done) > 0 {
		if err := proofs.Release(ctx, m.db, store.Column(done, uuid)); err != nil {
			return fmt.Errorf("take %d recorded messages out of quarantine: %w", len(done), err)
		}
	}
	if err != nil {
		return fmt.Errorf("record what was in quarantine: %w", err)
	}
	return nil
}
