// Package proof is a transparency log: a Merkle tree (RFC 6962) that only grows,
// signed checkpoints of it, and proofs that a record is in it. docs/proof.md
// describes all bytes, so that others can check them, too.
//
// It keeps nothing and asks nobody: the caller has the hashes. It promises that a
// proof or a checkpoint is accepted only if the key of the reader's own choice has
// signed for it.
package proof

import (
	"crypto/rand"
	"crypto/sha256"
	"strconv"
	"time"
)

// HashSize and SaltSize are in bytes.
const (
	HashSize = sha256.Size
	SaltSize = 16
)

// Hash is that of a leaf or of a node of the tree.
type Hash [HashSize]byte

// Salt keeps what is erased from being guessed by its hash: without the salt
// nobody can compute that again.
type Salt [SaltSize]byte

// OfLeaf is the salt of the leaf whose content has the salt s, which nobody can tell
// from it: so a leaf is checked still when its content and s are gone.
func (s Salt) OfLeaf() Salt {
	h := sha256.Sum256(append([]byte("leaf"), s[:]...))
	return Salt(h[:])
}

// NewSalts returns as many random salts.
func NewSalts(n int) []Salt {
	random := make([]byte, n*SaltSize)
	_, _ = rand.Read(random) // it never fails
	salts := make([]Salt, n)
	for i := range salts {
		salts[i] = Salt(random[i*SaltSize:])
	}
	return salts
}

// Leaf writes the fields of a record, in the order that its kind has.
type Leaf struct {
	salt Salt   // of the content
	data []byte // 0, by which RFC 6962 tells leaves from nodes; the leaf's salt; the fields
}

// Begin begins the record of a kind. What was written before is dropped.
func (l *Leaf) Begin(kind string, salt Salt) {
	l.salt = salt
	l.BeginWithout(kind, salt.OfLeaf())
}

// BeginWithout begins the record of a kind whose content is gone, or isn't shown:
// its end is a call of ContentHash in place of Content.
func (l *Leaf) BeginWithout(kind string, ofLeaf Salt) {
	l.data = append(append(l.data[:0], 0), ofLeaf[:]...)
	l.Text(kind)
}

// Text adds a field: its length, a colon, the bytes and a comma.
func (l *Leaf) Text(s string) {
	l.data = strconv.AppendInt(l.data, int64(len(s)), 10)
	l.data = append(append(append(l.data, ':'), s...), ',')
}

// None adds a field that isn't there: "-,".
func (l *Leaf) None() { l.data = append(l.data, '-', ',') }

// Optional adds a field that isn't there if it is empty.
func (l *Leaf) Optional(s string) {
	if s == "" {
		l.None()
		return
	}
	l.Text(s)
}

// TimeFormat is how fields hold times: in UTC, to the microsecond.
const TimeFormat = "2006-01-02T15:04:05.000000Z"

// Time adds a time; the zero time isn't there.
func (l *Leaf) Time(t time.Time) {
	if t.IsZero() {
		l.None()
		return
	}
	var field [len(TimeFormat) + 4]byte // years of five digits
	l.Text(string(t.UTC().AppendFormat(field[:0], TimeFormat)))
}

// Content adds the salted hash of content, so that the leaf can be computed
// without it, too; nil isn't there.
func (l *Leaf) Content(content []byte) {
	if content == nil {
		l.None()
		return
	}
	h := l.salt.Content(content)
	l.ContentHash(h[:])
}

// ContentHash adds what Content adds, of content whose salted hash is known; nil
// isn't there.
func (l *Leaf) ContentHash(h []byte) {
	if h == nil {
		l.None()
		return
	}
	l.Text(string(h))
}

// Hash is the leaf's.
func (l *Leaf) Hash() Hash { return sha256.Sum256(l.data) }

// Content is the salted hash of content: of the salt and the bytes.
func (s Salt) Content(content []byte) Hash {
	h := sha256.New()
	h.Write(s[:])
	h.Write(content)
	return Hash(h.Sum(nil))
}
