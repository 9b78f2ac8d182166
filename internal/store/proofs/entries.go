// Package proofs keeps the transparency log of what is recorded: a leaf for each
// row of events, quarantine and trail, in a Merkle tree whose tiles are in Postgres.
//
// It promises that whatever a transaction recorded is in the tree once that
// transaction committed and [Log.Seal] was called after it, exactly once, and that
// [Log.Verify] finds every row that was changed, taken out or put in by anybody
// else. Whoever writes those tables adds [Entries] in the same transaction.
package proofs

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/proof"
)

// Kind is what a leaf says of its row.
type Kind byte

// A row of events is an Event as it was first recorded, and Updated as it is since
// a better copy took its place.
const (
	Event       Kind = 'e'
	Updated     Kind = 'u'
	Quarantined Kind = 'q'
	Released    Kind = 'r' // left the quarantine
	Action      Kind = 'a' // its entry is made by analytics.record_action
	// What a row is since something of it was erased.
	ErasedEvent       Kind = 'x'
	ErasedQuarantined Kind = 'y'
	ErasedAction      Kind = 'z'
)

func (k Kind) erased() bool { return k == ErasedEvent || k == ErasedQuarantined || k == ErasedAction }

// Ref names a row: of events, of the trail, or of the quarantine, where the time is
// when it was received.
type Ref struct {
	Kind    Kind
	Time    int64 // microseconds since 1970
	Key     [16]byte
	Ordinal int16
}

// row is the ref without what happened to it.
func (r Ref) row() Ref {
	switch r.Kind {
	case Updated, ErasedEvent:
		r.Kind = Event
	case Released, ErasedQuarantined:
		r.Kind = Quarantined
	case ErasedAction:
		r.Kind = Action
	}
	return r
}

// kindOf is what a leaf calls a record.
func kindOf(kind string, erased bool) string {
	if erased {
		return proof.Erased(kind)
	}
	return kind
}

const (
	refSize   = 1 + 8 + 16 + 2
	entrySize = refSize + proof.SaltSize + proof.HashSize
)

// Entry is a leaf on its way into the tree.
type Entry struct {
	Ref
	Salt proof.Salt
	Hash proof.Hash
	// Gone is the hash of the row's bytes if they were taken out: the salt is then the
	// leaf's. Zero otherwise.
	Gone proof.Hash
}

func (r Ref) append(b []byte) []byte {
	b = append(b, byte(r.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time))
	b = append(b, r.Key[:]...)
	return binary.BigEndian.AppendUint16(b, uint16(r.Ordinal))
}

func readRef(b []byte) Ref {
	return Ref{
		Kind: Kind(b[0]), Time: int64(binary.BigEndian.Uint64(b[1:])), Key: [16]byte(b[9:]), Ordinal: int16(binary.BigEndian.Uint16(b[25:])),
	}
}

// Append adds the entry's bytes.
func (e *Entry) Append(b []byte) []byte {
	return append(append(e.append(b), e.Salt[:]...), e.Hash[:]...)
}

func readEntries(b []byte) ([]Entry, error) {
	if len(b)%entrySize != 0 {
		return nil, fmt.Errorf("entries have %d bytes, which is no multiple of %d", len(b), entrySize)
	}
	list := make([]Entry, len(b)/entrySize)
	for i := range list {
		one := b[i*entrySize:]
		list[i] = Entry{Ref: readRef(one), Salt: proof.Salt(one[refSize:]), Hash: proof.Hash(one[refSize+proof.SaltSize:])}
	}
	return list, nil
}

// Entries makes those of rows that a statement is about to write.
type Entries struct {
	leaf  proof.Leaf
	salts []proof.Salt
	bytes []byte
}

// NewEntries returns room for as many.
func NewEntries(n int) *Entries {
	return &Entries{salts: proof.NewSalts(n), bytes: make([]byte, 0, n*entrySize)}
}

func (x *Entries) add(ref Ref, leaf func(*proof.Leaf, proof.Salt) proof.Hash) []byte {
	salt := x.salts[0]
	x.salts = x.salts[1:]
	start := len(x.bytes)
	x.bytes = (&Entry{Ref: ref, Salt: salt, Hash: leaf(&x.leaf, salt)}).Append(x.bytes)
	return x.bytes[start:len(x.bytes):len(x.bytes)]
}

// Event returns the bytes of the entry of a new row.
func (x *Entries) Event(r *EventRow) []byte { return x.add(r.Ref(Event), r.Leaf) }

// Quarantined returns the bytes of the entry of a new row.
func (x *Entries) Quarantined(r *QuarantineRow) []byte { return x.add(r.Ref(Quarantined), r.Leaf) }

// Queue adds entries to a transaction.
func Queue(q *pgx.Batch, entries []Entry) {
	if len(entries) == 0 {
		return
	}
	b := make([]byte, 0, len(entries)*entrySize)
	for i := range entries {
		b = entries[i].Append(b)
	}
	q.Queue(`INSERT INTO proof_pending (entries) VALUES ($1)`, b)
}

// EventRow is a row of events as a leaf has it.
type EventRow struct {
	Time, ReceivedAt, PublishTime time.Time
	Key                           [16]byte
	Ordinal                       int16
	Origin                        string // "l" or "b"
	Type, Source, Space, Actor    string // "" for none
	CeID, Resource                string // as the columns have them: short
	MessageID                     string
	Content                       []byte // as received; nil: the row has none
	Erased                        bool   // something of it was erased
}

// Ref names the row.
func (r *EventRow) Ref(kind Kind) Ref {
	return Ref{Kind: kind, Time: r.Time.UnixMicro(), Key: r.Key, Ordinal: r.Ordinal}
}

// Leaf computes the row's. The buffer is used again.
func (r *EventRow) Leaf(buffer *proof.Leaf, salt proof.Salt) proof.Hash {
	buffer.Begin(kindOf(proof.Event, r.Erased), salt)
	r.write(buffer)
	buffer.Content(r.Content)
	return buffer.Hash()
}

// leafWithout computes that of a row whose bytes are gone: content is their hash.
func (r *EventRow) leafWithout(buffer *proof.Leaf, ofLeaf proof.Salt, content proof.Hash) proof.Hash {
	buffer.BeginWithout(kindOf(proof.Event, r.Erased), ofLeaf)
	r.write(buffer)
	buffer.ContentHash(content[:])
	return buffer.Hash()
}

func (r *EventRow) write(l *proof.Leaf) {
	l.Time(r.Time)
	l.Time(r.ReceivedAt)
	l.Time(r.PublishTime)
	l.Text(fmt.Sprintf("%x", r.Key))
	l.Text(fmt.Sprint(r.Ordinal))
	l.Text(r.Origin)
	l.Text(r.Type)
	l.Text(r.Source)
	l.Optional(r.Space)
	l.Optional(r.Actor)
	l.Text(r.CeID)
	l.Text(r.Resource)
	l.Optional(r.MessageID)
}

// QuarantineRow is a row of quarantine as a leaf has it.
type QuarantineRow struct {
	Key                     [16]byte
	ReceivedAt, PublishTime time.Time
	MessageID, OrderingKey  string
	Reason, Detail          string
	Attributes              string // JSON, as the column has it
	Data                    []byte
	Erased                  bool
}

// Ref names the row.
func (r *QuarantineRow) Ref(kind Kind) Ref {
	return Ref{Kind: kind, Time: r.ReceivedAt.UnixMicro(), Key: r.Key}
}

// Leaf computes the row's. The buffer is used again.
func (r *QuarantineRow) Leaf(buffer *proof.Leaf, salt proof.Salt) proof.Hash {
	l := buffer
	l.Begin(kindOf(proof.Quarantined, r.Erased), salt)
	l.Text(fmt.Sprintf("%x", r.Key))
	l.Time(r.ReceivedAt)
	l.Time(r.PublishTime)
	l.Text(r.MessageID)
	l.Text(r.OrderingKey)
	l.Text(r.Reason)
	l.Text(r.Detail)
	l.Text(r.Attributes)
	l.Content(r.Data)
	return l.Hash()
}

// ActionRow is a row of trail as a leaf has it.
type ActionRow struct {
	Key                     [16]byte
	At                      time.Time
	Action, Role            string
	Operator, Target, Space string // "" for none
	Details                 []byte // JSON, as the column has it
	Erased                  bool
}

// Leaf computes the row's. The buffer is used again.
func (r *ActionRow) Leaf(buffer *proof.Leaf, salt proof.Salt) proof.Hash {
	l := buffer
	l.Begin(kindOf(proof.Action, r.Erased), salt)
	l.Text(fmt.Sprintf("%x", r.Key))
	l.Time(r.At)
	l.Text(r.Action)
	l.Text(r.Role)
	l.Optional(r.Operator)
	l.Optional(r.Target)
	l.Optional(r.Space)
	l.Content(r.Details)
	return l.Hash()
}
