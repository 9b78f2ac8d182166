// Package cards reads cards as card builders export them: inline, or from a file
// beside the rules.
//
// It promises a list of cards with their ids, whatever form it found, and reads each
// file once. What is wrong is reported at its place, and the result is nil.
package cards

import (
	"errors"
	"io/fs"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Reader reads cards from files, each once.
type Reader struct {
	readFile func(name string) ([]byte, error)
	raw      map[string][]byte           // by name
	trees    map[string]*strictyaml.Node // nil of a bad one
}

// NewReader returns a reader of files that readFile reads.
func NewReader(readFile func(name string) ([]byte, error)) *Reader {
	return &Reader{readFile: readFile, raw: map[string][]byte{}, trees: map[string]*strictyaml.Node{}}
}

// File is what a file holds that was read; nil for others.
func (r *Reader) File(name string) []byte { return r.raw[name] }

// Read returns the list of cards that a parameter stands for: written inline,
// or the name of a file.
func (r *Reader) Read(d *strictyaml.Decoder, path string, n *strictyaml.Node) *strictyaml.Node {
	if n.Kind == strictyaml.Text {
		n = r.file(d, path, n)
	}
	if n == nil {
		return nil
	}
	return cardList(d, path, n)
}

// reasonOf is an error about a file without the file's name.
func reasonOf(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func (r *Reader) file(d *strictyaml.Decoder, path string, n *strictyaml.Node) *strictyaml.Node {
	if _, ok := r.raw[n.Text]; !ok {
		raw, err := r.readFile(n.Text)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.At(n.At, "its path is relative to the rules", "%s: there is no file %q", path, n.Text)
			return nil
		case err != nil:
			d.At(n.At, "", "%s: the file %q can't be read: %v", path, n.Text, reasonOf(err))
			return nil
		}
		r.raw[n.Text] = raw
		r.trees[n.Text] = d.ReadSupported(strictyaml.NewSource(n.Text, raw))
		if r.trees[n.Text] == nil {
			d.At(n.At, "", "%s: the file %q holds no card", path, n.Text)
		}
	}
	return r.trees[n.Text]
}

// cardList makes a list of what card builders export: the list itself, a
// section cardsV2 that holds it, or a single card with or without its id.
func cardList(d *strictyaml.Decoder, path string, n *strictyaml.Node) *strictyaml.Node {
	if n.Kind == strictyaml.Section {
		if l := n.Child("cardsV2"); l != nil && len(n.Pairs) == 1 {
			n = l
		}
	}
	switch {
	case n.Kind == strictyaml.List:
		return n
	case n.Kind != strictyaml.Section:
		d.At(n.At, "", "%s must be a card, a list of cards or the name of a file, got %s", path, n.Kind)
		return nil
	case n.Child("card") != nil:
		return &strictyaml.Node{Kind: strictyaml.List, At: n.At, Items: []*strictyaml.Node{n}}
	}
	card := &strictyaml.Node{Kind: strictyaml.Section, At: n.At, Pairs: []strictyaml.Pair{
		{Key: "cardId", At: n.At, Value: &strictyaml.Node{Kind: strictyaml.Text, At: n.At, Text: "card"}},
		{Key: "card", At: n.At, Value: n},
	}}
	return &strictyaml.Node{Kind: strictyaml.List, At: n.At, Items: []*strictyaml.Node{card}}
}
