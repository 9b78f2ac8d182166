package rules

import (
	"errors"
	"io/fs"
)

// cards reads cards from files, each once.
type cards struct {
	readFile func(name string) ([]byte, error)
	raw      map[string][]byte // by name
	trees    map[string]*node  // nil of a bad one
}

// read returns the list of cards that a parameter stands for: written inline,
// or the name of a file.
func (c *cards) read(d *decoder, path string, n *node) *node {
	if n.kind == text {
		n = c.file(d, path, n)
	}
	if n == nil {
		return nil
	}
	return cardList(d, path, n)
}

func (c *cards) file(d *decoder, path string, n *node) *node {
	if _, ok := c.raw[n.text]; !ok {
		raw, err := c.readFile(n.text)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.at(n.at, "its path is relative to the rules", "%s: there is no file %q", path, n.text)
			return nil
		case err != nil:
			d.at(n.at, "", "%s: the file %q can't be read", path, n.text)
			return nil
		}
		c.raw[n.text] = raw
		c.trees[n.text] = d.tree(newSource(n.text, raw), raw)
		if c.trees[n.text] == nil {
			d.at(n.at, "", "%s: the file %q holds no card", path, n.text)
		}
	}
	return c.trees[n.text]
}

// cardList makes a list of what card builders export: the list itself, a
// section cardsV2 that holds it, or a single card with or without its id.
func cardList(d *decoder, path string, n *node) *node {
	if n.kind == section {
		if l := n.child("cardsV2"); l != nil && len(n.pairs) == 1 {
			n = l
		}
	}
	switch {
	case n.kind == list:
		return n
	case n.kind != section:
		d.at(n.at, "", "%s must be a card, a list of cards or the name of a file, got %s", path, n.kind)
		return nil
	case n.child("card") != nil:
		return &node{kind: list, at: n.at, items: []*node{n}}
	}
	card := &node{kind: section, at: n.at, pairs: []pair{
		{"cardId", n.at, &node{kind: text, at: n.at, text: "card"}},
		{"card", n.at, n},
	}}
	return &node{kind: list, at: n.at, items: []*node{card}}
}
