// Package archive writes what was received in a month to files, with which anybody
// can prove that it is what the transparency log has, and takes the bytes out of the
// database.
//
// It promises that nothing is taken out that wasn't read back from the archive and
// found to be what the log has. Whoever keeps the files keeps the texts in them:
// what is erased later is erased here only if they do it. docs/archive.md describes
// the files.
package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// Format is that of the files.
const Format = "spacekeeper-archive/v1"

// ManifestFile is the name of what describes the other file.
const ManifestFile = "manifest.json"

// Manifest describes the archive of a month.
type Manifest struct {
	Format    string    `json:"format"`
	Month     string    `json:"month"` // "2026-08", in UTC
	WrittenAt time.Time `json:"written_at"`
	File      string    `json:"file"`
	Size      int64     `json:"size"`   // of the file, in bytes
	SHA256    string    `json:"sha256"` // of the file, in hexadecimal
	Events    int64     `json:"events"` // in the file
	Leaves    uint64    `json:"leaves"` // of the log
	Root      string    `json:"root"`   // of the log then, in hexadecimal
	// Checkpoint is the signed note of that root, if there was one.
	Checkpoint string `json:"checkpoint,omitempty"`
}

// line is one of the file: an event, or what lies between two in the log.
type line struct {
	Until  uint64   `json:"until,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"`

	Leaf        *uint64   `json:"leaf,omitempty"`
	Salt        []byte    `json:"salt,omitempty"`
	Time        time.Time `json:"event_time,omitzero"`
	ReceivedAt  time.Time `json:"received_at,omitzero"`
	PublishTime time.Time `json:"publish_time,omitzero"`
	Key         string    `json:"event_key,omitempty"`
	Ordinal     int16     `json:"ordinal,omitempty"`
	Origin      string    `json:"origin,omitempty"`
	Type        string    `json:"type,omitempty"`
	Source      string    `json:"source,omitempty"`
	Space       string    `json:"space,omitempty"`
	Actor       string    `json:"actor,omitempty"`
	CeID        string    `json:"ce_id,omitempty"`
	Resource    string    `json:"resource,omitempty"`
	MessageID   string    `json:"message_id,omitempty"`
	Erased      bool      `json:"erased,omitempty"`         // something of it was, before it was archived
	Content     *string   `json:"content,omitempty"`        // as received
	Binary      *[]byte   `json:"content_base64,omitempty"` // in its place if it isn't UTF-8
}

func lineOf(a proofs.Archived) line {
	r := a.Row
	l := line{
		Leaf: &a.Index, Salt: a.Salt[:], Time: r.Time.UTC(), ReceivedAt: r.ReceivedAt.UTC(), PublishTime: r.PublishTime,
		Ordinal: r.Ordinal, Origin: r.Origin, Type: r.Type, Source: r.Source, Space: r.Space, Actor: r.Actor, CeID: r.CeID,
		Resource: r.Resource, MessageID: r.MessageID, Erased: r.Erased,
	}
	if usual := l.usualKey(); !bytes.Equal(usual, r.Key[:]) {
		l.Key = hex.EncodeToString(r.Key[:])
	}
	if !r.PublishTime.IsZero() {
		l.PublishTime = r.PublishTime.UTC()
	}
	if text := string(r.Content); utf8.ValidString(text) {
		l.Content = &text
	} else {
		l.Binary = &r.Content
	}
	return l
}

// usualKey is that of an event of a space.
func (l *line) usualKey() []byte {
	sum := sha256.Sum256([]byte(l.Space + "/spaceEvents" + l.CeID))
	return sum[:16]
}

// hash is the leaf's.
func (l *line) hash(buffer *proof.Leaf) (h proof.Hash, err error) {
	key := l.usualKey()
	if l.Key != "" {
		key, err = hex.DecodeString(l.Key)
	}
	if err != nil || len(key) != 16 || len(l.Salt) != proof.SaltSize || (l.Content == nil) == (l.Binary == nil) {
		return h, errors.New("its key, its salt or its content isn't whole")
	}
	r := proofs.EventRow{
		Time: l.Time, ReceivedAt: l.ReceivedAt, PublishTime: l.PublishTime, Key: [16]byte(key), Ordinal: l.Ordinal, Origin: l.Origin,
		Type: l.Type, Source: l.Source, Space: l.Space, Actor: l.Actor, CeID: l.CeID, Resource: l.Resource, MessageID: l.MessageID,
		Erased: l.Erased,
	}
	if l.Content != nil {
		r.Content = []byte(*l.Content)
	} else {
		r.Content = *l.Binary
	}
	return r.Leaf(buffer, proof.Salt(l.Salt)), nil
}

// Name is how months are written.
const Name = "2006-01"

// Write writes the events of the month from since on to a directory of its own in
// dir, and returns that. It is there whole or not at all: what an interrupted run
// left is written anew.
func Write(ctx context.Context, db *store.Store, since time.Time, dir string) (string, error) {
	name := since.Format(Name)
	whole := filepath.Join(dir, name)
	if _, err := os.Stat(whole); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return "", fmt.Errorf("write an archive: %w", err)
		}
		return whole, nil
	}
	unfinished := whole + ".unfinished"
	if err := errors.Join(os.RemoveAll(unfinished), os.MkdirAll(unfinished, 0o700)); err != nil {
		return "", fmt.Errorf("write an archive: %w", err)
	}
	log := proofs.New(db)
	if _, err := log.Seal(ctx); err != nil {
		return "", err
	}
	m := Manifest{Format: Format, Month: name, WrittenAt: db.Now().UTC(), File: "events-" + name + ".jsonl.zst"}
	if err := m.write(ctx, log, since, unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, whole); err != nil {
		return "", fmt.Errorf("write an archive: %w", err)
	}
	return whole, nil
}

func (m *Manifest) write(ctx context.Context, log *proofs.Log, since time.Time, dir string) (err error) {
	f, err := create(filepath.Join(dir, m.File))
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	w, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return fmt.Errorf("compress an archive: %w", err)
	}
	next := uint64(0)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	end, err := log.Month(ctx, since, func(tiles proof.Tiles, a proofs.Archived) error {
		if a.Index > next {
			between, err := tiles.Between(next, a.Index)
			if err != nil {
				return err
			}
			skip := line{Until: a.Index}
			for _, h := range between {
				skip.Hashes = append(skip.Hashes, h[:])
			}
			if err := enc.Encode(skip); err != nil {
				return fmt.Errorf("write an archive: %w", err)
			}
		}
		next = a.Index + 1
		if a.Row == nil {
			return nil
		}
		m.Events++
		if err := enc.Encode(lineOf(a)); err != nil {
			return fmt.Errorf("write an archive: %w", err)
		}
		return nil
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := f.finish(); err != nil {
		return err
	}
	m.Size, m.SHA256 = f.size, hex.EncodeToString(f.sum.Sum(nil))
	m.Leaves, m.Root, m.Checkpoint = end.Size, hex.EncodeToString(end.Root[:]), end.Note
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	g, err := create(filepath.Join(dir, ManifestFile))
	if err != nil {
		return err
	}
	_, err = g.Write(append(text, '\n'))
	return errors.Join(err, g.finish(), g.Close())
}

// file counts and hashes what is written.
type file struct {
	*os.File
	size int64
	sum  hash.Hash
}

func create(path string) (*file, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	return &file{f, 0, sha256.New()}, nil
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.size += int64(n)
	f.sum.Write(b[:n])
	return n, err
}

// finish has the file on disk before the database forgets what is in it.
func (f *file) finish() error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write an archive: %w", err)
	}
	return nil
}

// Read reads the archive in a directory back, whole, and tells what is wrong with
// it: every event in it is in the log whose root the manifest has.
func Read(dir string) (*Manifest, error) {
	text, err := readfile.Regular(filepath.Join(dir, ManifestFile), readfile.Text)
	if err != nil {
		return nil, fmt.Errorf("read an archive: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.Format != Format {
		return nil, fmt.Errorf("%s is no manifest of the format %s", filepath.Join(dir, ManifestFile), Format)
	}
	f, err := readfile.Open(filepath.Join(dir, filepath.Base(m.File)))
	if err != nil {
		return nil, fmt.Errorf("read an archive: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	z, err := zstd.NewReader(io.TeeReader(f, sum))
	if err != nil {
		return nil, fmt.Errorf("read an archive: %w", err)
	}
	defer z.Close()
	if err := m.check(z); err != nil {
		return nil, fmt.Errorf("the archive %s: %w", dir, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return nil, fmt.Errorf("the archive %s: %s was changed: it has another SHA-256 than its manifest says", dir, m.File)
	}
	if m.Checkpoint != "" {
		c, err := proof.ReadCheckpoint(m.Checkpoint)
		if err != nil || c.Size != m.Leaves || hex.EncodeToString(c.Root[:]) != m.Root {
			return nil, fmt.Errorf("the archive %s: its checkpoint isn't of the log of %d leaves", dir, m.Leaves)
		}
	}
	return &m, nil
}

func (m *Manifest) check(r io.Reader) error {
	tree, err := proof.NewTree(0, nil)
	if err != nil {
		return err
	}
	var buffer proof.Leaf
	events := int64(0)
	dec := json.NewDecoder(bufio.NewReaderSize(r, 1<<20))
	dec.DisallowUnknownFields()
	for n := 1; ; n++ {
		var l line
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("line %d can't be read: %w", n, err)
		}
		if l.Leaf == nil {
			between := make([]proof.Hash, len(l.Hashes))
			for i, h := range l.Hashes {
				if len(h) != proof.HashSize {
					return fmt.Errorf("line %d has no hashes of %d bytes", n, proof.HashSize)
				}
				between[i] = proof.Hash(h)
			}
			if err := tree.Skip(l.Until, between); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			continue
		}
		h, err := l.hash(&buffer)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if *l.Leaf != tree.Size() || l.Time.UTC().Format(Name) != m.Month {
			return fmt.Errorf("line %d is of leaf %d, where %d comes, or of another month", n, *l.Leaf, tree.Size())
		}
		tree.Append(h, func(int, uint64, proof.Hash) {})
		events++
	}
	if root := tree.Root(); tree.Size() != m.Leaves || hex.EncodeToString(root[:]) != m.Root || events != m.Events {
		return fmt.Errorf("its %d events are not those that the log of %d leaves with the root %s has", events, m.Leaves, m.Root)
	}
	return nil
}
