package proof

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
)

// log is one in memory.
type log struct {
	*Tree
	tiles map[[2]uint64][]Hash
}

func newLog(t testing.TB) *log {
	tree, err := NewTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &log{tree, map[[2]uint64][]Hash{}}
}

func (l *log) add(leaf Hash) {
	l.Append(leaf, func(level int, index uint64, h Hash) {
		at := [2]uint64{uint64(level), index / TileWidth}
		l.tiles[at] = append(l.tiles[at], h)
	})
}

func (l *log) read(level int, number uint64) ([]Hash, error) {
	return l.tiles[[2]uint64{uint64(level), number}], nil
}

func key(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := NewKey(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Signer(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Verifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// root is RFC 6962's definition, by the letter.
func root(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	l, r := root(leaves[:k]), root(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// The tree is RFC 6962's, whichever way it grew, and its tiles prove every leaf,
// and that it has grown from every smaller one.
func TestTree(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	var leaves []Hash
	sizes := map[int]bool{0: true, 1: true, 2: true, 3: true, 255: true, 256: true, 257: true, 600: true, 65536: true, 65800: true}
	checkpoints := map[int]Checkpoint{}
	for n := 0; n <= 65800; n++ {
		if sizes[n] {
			if got, want := l.Root(), root(leaves); got != want {
				t.Fatalf("the root of %d leaves is %x, want %x", n, got, want)
			}
			again, err := NewTree(uint64(n), l.Edge())
			if err != nil {
				t.Fatal(err)
			}
			l.Tree = again
			checkpoints[n] = Checkpoint{Size: uint64(n), Root: l.Root()}
		}
		leaf := Hash(sha256.Sum256(fmt.Append(nil, "leaf ", n)))
		leaves = append(leaves, leaf)
		l.add(leaf)
	}
	size := len(leaves)
	for smaller, c := range checkpoints {
		path, err := Tiles(l.read).Consistency(uint64(smaller), uint64(size))
		if err != nil {
			t.Fatal(err)
		}
		now := Checkpoint{Size: uint64(size), Root: l.Root()}
		if err := CheckConsistency(c, now, path); err != nil {
			t.Errorf("from %d: %v", smaller, err)
		}
		c.Root[0] ^= 1
		if err := CheckConsistency(c, now, path); smaller > 0 && err == nil {
			t.Errorf("from %d: another root is consistent, too", smaller)
		}
	}
}

// A root follows from some of the leaves and what lies between them.
func TestSkip(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		l := newLog(t)
		size := 1 + rng.Uint64N(1500)
		known := map[uint64]Hash{}
		for n := range size {
			leaf := Hash(sha256.Sum256(fmt.Append(nil, n)))
			l.add(leaf)
			if n%700 > 300 && rng.IntN(4) > 0 {
				known[n] = leaf
			}
		}
		again, err := NewTree(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		for end := range size + 1 {
			leaf, ok := known[end]
			if (ok || end == size) && end > again.Size() {
				between, err := Tiles(l.read).Between(again.Size(), end)
				if err != nil {
					t.Fatal(err)
				}
				if err := again.Skip(end, between); err != nil {
					t.Fatal(err)
				}
			}
			if ok {
				again.Append(leaf, func(int, uint64, Hash) {})
			}
		}
		if again.Size() != size || again.Root() != l.Root() {
			t.Fatalf("got %d leaves and another root, of %d", again.Size(), size)
		}
		if err := again.Skip(size+1, nil); err == nil {
			t.Error("a leaf is skipped of which nothing is known")
		}
	}
}

func document(t testing.TB, l *log, sign note.Signer) *Document {
	t.Helper()
	salt := NewSalts(1)[0]
	text := func(s string) *string { return &s }
	content := []byte(`{"message": {"text": "hello"}}`)
	hash, ofLeaf := salt.Content(content), salt.OfLeaf()
	d := &Document{
		Format: Format, Kind: Event, Salt: ofLeaf[:], Fields: map[string]*string{}, ContentHash: hash[:], ContentSalt: salt[:], Content: content,
		Index: l.Size(),
	}
	var leaf Leaf
	leaf.Begin(Event, salt)
	for i, name := range kinds[Event] {
		switch {
		case i == 0:
			at := time.Date(2026, 8, 1, 12, 0, 0, 5000, time.UTC)
			leaf.Time(at)
			d.Fields[name] = text("2026-08-01T12:00:00.000005Z")
		case i%3 == 0:
			leaf.Optional("")
			d.Fields[name] = nil
		default:
			leaf.Text("the " + name)
			d.Fields[name] = text("the " + name)
		}
	}
	leaf.Content(content)
	described, err := leaf.Document()
	if err != nil {
		t.Fatal(err)
	}
	described.Content, described.ContentSalt, described.Index = d.Content, d.ContentSalt, d.Index
	if diff := cmp.Diff(d, described); diff != "" {
		t.Errorf("read out of a leaf (-want +got):\n%s", diff)
	}
	l.add(leaf.Hash())
	for i := range 700 {
		l.add(Hash(sha256.Sum256(fmt.Append(nil, i))))
	}
	path, err := Tiles(l.read).Inclusion(d.Index, l.Size())
	if err != nil {
		t.Fatal(err)
	}
	d.Path = list(path)
	if d.Checkpoint, err = (Checkpoint{Size: l.Size(), Root: l.Root()}).Sign(sign); err != nil {
		t.Fatal(err)
	}
	return d
}

// A proof goes through a file and is right; whatever is changed in it is found.
func TestDocument(t *testing.T) {
	t.Parallel()
	sign, verify := key(t, "example.com/chat")
	_, stranger := key(t, "example.com/chat")
	_, other := key(t, "example.com/other")
	l := newLog(t)
	for i := range 300 {
		l.add(Hash(sha256.Sum256(fmt.Append(nil, "before ", i))))
	}
	original, err := json.Marshal(document(t, l, sign))
	if err != nil {
		t.Fatal(err)
	}
	read := func() *Document {
		d, err := ReadDocument(original)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if c, err := read().Check(stranger, verify); err != nil || c.Size != 1001 || c.Origin != "example.com/chat" {
		t.Fatalf("got %+v, %v", c, err)
	}
	for _, keys := range [][]note.Verifier{{stranger}, {other}, nil} {
		if _, err := read().Check(keys...); err == nil {
			t.Errorf("the keys %v are content", keys)
		}
	}
	unseen := read()
	unseen.Content, unseen.ContentSalt = nil, nil
	if _, err := unseen.Check(verify); err != nil {
		t.Errorf("without the content: %v", err)
	}
	for name, change := range map[string]func(*Document){
		"kind":            func(d *Document) { d.Kind = Quarantined },
		"no kind":         func(d *Document) { d.Kind = "event/v2" },
		"salt":            func(d *Document) { d.Salt[3] ^= 1 },
		"short salt":      func(d *Document) { d.Salt = d.Salt[:15] },
		"content":         func(d *Document) { d.Content[0] = ' ' },
		"content emptied": func(d *Document) { d.Content = []byte{} },
		"content and hash": func(d *Document) {
			d.Content[0] = ' '
			h := Salt(d.ContentSalt).Content(d.Content)
			d.ContentHash = h[:]
		},
		"content's salt":   func(d *Document) { d.ContentSalt[0] ^= 1 },
		"no salt":          func(d *Document) { d.ContentSalt = nil },
		"no content hash":  func(d *Document) { d.Content, d.ContentHash = nil, nil },
		"index":            func(d *Document) { d.Index++ },
		"path":             func(d *Document) { d.Path[1][0] ^= 1 },
		"shorter path":     func(d *Document) { d.Path = d.Path[1:] },
		"fields swapped":   func(d *Document) { d.Fields["space"], d.Fields["actor"] = d.Fields["actor"], d.Fields["space"] },
		"field gone":       func(d *Document) { delete(d.Fields, "actor") },
		"field none":       func(d *Document) { d.Fields["received_at"] = nil },
		"field of no kind": func(d *Document) { delete(d.Fields, "actor"); d.Fields["author"] = nil },
		"another's size":   func(d *Document) { d.Checkpoint = strings.Replace(d.Checkpoint, "\n1001\n", "\n1002\n", 1) },
		"another's origin": func(d *Document) {
			d.Checkpoint = strings.Replace(d.Checkpoint, "example.com/chat\n", "example.com/else\n", 1)
		},
		"no signature":      func(d *Document) { d.Checkpoint, _, _ = strings.Cut(d.Checkpoint, "—") },
		"nothing of a note": func(d *Document) { d.Checkpoint = "" },
	} {
		d := read()
		change(d)
		if _, err := d.Check(verify); err == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

// What a signature is for is said by who signed, not by the text.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	sign, verify := key(t, "example.com/chat")
	for name, text := range map[string]string{
		"of another log": "example.com/else\n3\n" + strings.Repeat("A", 43) + "=\n",
		"two lines":      "example.com/chat\n3\n",
		"no number":      "example.com/chat\n03\n" + strings.Repeat("A", 43) + "=\n",
		"no hash":        "example.com/chat\n3\nAAAA\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, sign)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := OpenCheckpoint(string(signed), verify); err == nil {
			t.Errorf("%s: got %+v", name, c)
		}
	}
	if _, _, err := NewKey("my log"); err == nil {
		t.Error("a name with a space is taken")
	}
	if _, err := Signer("PRIVATE+KEY+secret"); err == nil || strings.Contains(err.Error(), "secret+") {
		t.Errorf("got %v", err)
	}
}

// Fields can't run into each other, and what isn't there is not empty.
func TestLeaf(t *testing.T) {
	t.Parallel()
	seen := map[Hash]string{}
	for name, write := range map[string]func(*Leaf){
		"two":       func(l *Leaf) { l.Text("a"); l.Text("b") },
		"one":       func(l *Leaf) { l.Text("ab") },
		"disguised": func(l *Leaf) { l.Text("a,1:b") },
		"none":      func(l *Leaf) { l.None() },
		"empty":     func(l *Leaf) { l.Text("") },
		"dash":      func(l *Leaf) { l.Text("-,") },
		"nothing":   func(*Leaf) {},
		"content":   func(l *Leaf) { l.Content([]byte{}) },
		"time":      func(l *Leaf) { l.Time(time.Unix(0, 0)) },
	} {
		var l Leaf
		l.Begin(Event, Salt{1})
		write(&l)
		if other := seen[l.Hash()]; other != "" {
			t.Errorf("%s is %s", name, other)
		}
		seen[l.Hash()] = name
	}
}

func BenchmarkLeaf(b *testing.B) {
	salts := NewSalts(1)
	content := []byte(strings.Repeat("x", 900))
	var l Leaf
	for b.Loop() {
		l.Begin(Event, salts[0])
		for range 3 {
			l.Time(time.Unix(1785600000, 5000))
		}
		for range 10 {
			l.Text("spaces/AAQA1Ghf8Wc")
		}
		l.Content(content)
		l.Hash()
	}
}
