package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

// Format is that of a [Document].
const Format = "spacekeeper-proof/v1"

// Kinds of records, and the names of their fields in the order in which a leaf has
// them. After them comes the content. A leaf holds no names: so they have to be
// agreed on, or a proof could call a person a space.
const (
	Event       = "event/v1"
	Quarantined = "quarantine/v1"
	Released    = "released/v1" // left the quarantine
	Action      = "action/v1"   // what somebody did with what is recorded
)

// Erased is the kind of a record of a kind of which something was erased: it has
// the same fields, as they are since.
func Erased(kind string) string { return strings.Replace(kind, "/", "-erased/", 1) }

var kinds = map[string][]string{
	Event: {
		"event_time", "received_at", "publish_time", "event_key", "ordinal", "origin", "type", "source", "space", "actor", "ce_id", "resource",
		"message_id",
	},
	Quarantined: {
		"quarantine_key", "received_at", "publish_time", "message_id", "ordering_key", "reason", "detail", "attributes",
	},
	Released: {"quarantine_key", "received_at"},
	Action:   {"action_key", "at", "action", "role_name", "operator", "target", "space"},
}

// Document proves that a record is in a log, to whoever has the log's key.
type Document struct {
	Format string             `json:"format"`
	Kind   string             `json:"kind"`
	Salt   []byte             `json:"salt"`
	Fields map[string]*string `json:"fields"` // null where there is none
	// ContentHash is the salted hash of the bytes that were received: null where
	// the record has none. Content is those bytes, and ContentSalt what their hash is
	// salted with: null where they aren't shown. By the leaf's salt nobody can guess them.
	ContentHash []byte   `json:"content_hash"`
	ContentSalt []byte   `json:"content_salt"`
	Content     []byte   `json:"content"`
	Index       uint64   `json:"index"`
	Path        [][]byte `json:"path"`
	Checkpoint  string   `json:"checkpoint"`
}

// Document returns what a proof says of the record, without its content.
func (l *Leaf) Document() (*Document, error) {
	d := &Document{Format: Format, Salt: l.data[1 : 1+SaltSize], Fields: map[string]*string{}}
	var values []*string
	for rest := string(l.data[1+SaltSize:]); rest != ""; {
		if after, none := strings.CutPrefix(rest, "-,"); none {
			values, rest = append(values, nil), after
			continue
		}
		length, after, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(length)
		if err != nil || n >= len(after) {
			return nil, errors.New("the record is none")
		}
		value := after[:n]
		values, rest = append(values, &value), after[n+1:]
	}
	d.Kind = *values[0]
	names := kinds[d.Kind]
	if len(values) != 1+len(names)+1 {
		return nil, fmt.Errorf("a record of the kind %s has %d fields", d.Kind, len(values)-2)
	}
	for i, name := range names {
		d.Fields[name] = values[1+i]
	}
	if hash := values[len(values)-1]; hash != nil {
		d.ContentHash = []byte(*hash)
	}
	return d, nil
}

// ReadDocument reads what a proof is written as.
func ReadDocument(text []byte) (*Document, error) {
	var d Document
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("it is no proof: %w", err)
	}
	if d.Format != Format {
		return nil, fmt.Errorf("it is no proof of the format %s, but %q", Format, d.Format)
	}
	return &d, nil
}

// Prove adds where in the log the record is.
func (d *Document) Prove(tiles Tiles, index, size uint64, checkpoint string) error {
	path, err := tiles.Inclusion(index, size)
	if err != nil {
		return err
	}
	d.Index, d.Path, d.Checkpoint = index, list(path), checkpoint
	return nil
}

// Check tells whether the record is in the log that one of the keys has signed
// for, and at which checkpoint.
func (d *Document) Check(keys ...note.Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(d.Checkpoint, keys...)
	if err != nil {
		return c, err
	}
	leaf, err := d.Leaf()
	if err != nil {
		return c, err
	}
	if proof.VerifyInclusion(rfc6962.DefaultHasher, d.Index, c.Size, leaf[:], d.Path, c.Root[:]) != nil {
		return c, fmt.Errorf("the record isn't leaf %d of the log at its checkpoint of %d leaves: it, or the proof, was changed", d.Index, c.Size)
	}
	return c, nil
}

// Leaf computes the record's.
func (d *Document) Leaf() (Hash, error) {
	names, ok := kinds[strings.Replace(d.Kind, "-erased/", "/", 1)]
	if !ok {
		return Hash{}, fmt.Errorf("there is no kind of record %q: %s", d.Kind, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	if len(d.Salt) != SaltSize {
		return Hash{}, fmt.Errorf("the salt has %d bytes, want %d", len(d.Salt), SaltSize)
	}
	if len(d.Fields) != len(names) {
		return Hash{}, fmt.Errorf("the record has %d fields, and one of the kind %s has %d", len(d.Fields), d.Kind, len(names))
	}
	var l Leaf
	l.BeginWithout(d.Kind, Salt(d.Salt))
	for _, name := range names {
		value, ok := d.Fields[name]
		switch {
		case !ok:
			return Hash{}, fmt.Errorf("the record lacks the field %s", name)
		case value == nil:
			l.None()
		default:
			l.Text(*value)
		}
	}
	if d.Content != nil {
		if len(d.ContentSalt) != SaltSize {
			return Hash{}, fmt.Errorf("the salt of the content has %d bytes, want %d", len(d.ContentSalt), SaltSize)
		}
		salt := Salt(d.ContentSalt)
		if h := salt.Content(d.Content); salt.OfLeaf() != Salt(d.Salt) || !bytes.Equal(h[:], d.ContentHash) {
			return Hash{}, errors.New("the content was changed: it has another hash than its record")
		}
	}
	l.ContentHash(d.ContentHash)
	return l.Hash(), nil
}
