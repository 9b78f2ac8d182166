package proof

import (
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

var nodes = &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// Tree is the right edge of a log: enough to append to it and to know its root.
type Tree struct{ edge *compact.Range }

// NewTree returns the tree of a size, with the edge that it had then.
func NewTree(size uint64, edge []Hash) (*Tree, error) {
	hashes := make([][]byte, len(edge))
	for i := range edge {
		hashes[i] = edge[i][:]
	}
	r, err := nodes.NewRange(0, size, hashes)
	if err != nil {
		return nil, fmt.Errorf("read the edge of a log of %d leaves: %w", size, err)
	}
	return &Tree{r}, nil
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.edge.End() }

// Edge is what NewTree needs to go on.
func (t *Tree) Edge() []Hash {
	edge := make([]Hash, len(t.edge.Hashes()))
	for i, h := range t.edge.Hashes() {
		edge[i] = Hash(h)
	}
	return edge
}

// Root is the hash of the whole tree.
func (t *Tree) Root() Hash {
	root, err := t.edge.GetRootHash(nil)
	if err != nil || root == nil { // it is empty: it begins at 0
		return sha256.Sum256(nil)
	}
	return Hash(root)
}

// TileWidth is how many hashes a full tile has. A tile of level 0 holds leaves, one
// of level n the roots of full tiles of level n-1.
const (
	TileWidth  = 256
	tileHeight = 8
)

// Append adds a leaf, and tells of each hash that goes to the end of a tile: of
// which level, and its index among those of the level.
func (t *Tree) Append(leaf Hash, tell func(level int, index uint64, h Hash)) {
	err := t.edge.Append(leaf[:], func(id compact.NodeID, hash []byte) {
		if id.Level%tileHeight == 0 {
			tell(int(id.Level/tileHeight), id.Index, Hash(hash))
		}
	})
	if err != nil {
		panic(err) // the edge doesn't fit its size: NewTree has looked
	}
}

// Skip adds the leaves up to an end, of which only what [Tiles.Between] told is known.
func (t *Tree) Skip(end uint64, between []Hash) error {
	r, err := nodes.NewRange(t.Size(), end, list(between))
	if err != nil {
		return fmt.Errorf("skip the leaves from %d to %d: %w", t.Size(), end, err)
	}
	return t.edge.AppendRange(r, nil)
}

// Tiles returns the hashes of a tile, which is full or the last one of its level.
type Tiles func(level int, number uint64) ([]Hash, error)

// node computes a node that is full.
func (tiles Tiles) node(id compact.NodeID) ([]byte, error) {
	level, height := int(id.Level/tileHeight), id.Level%tileHeight
	first, width := id.Index<<height, uint64(1)<<height
	hashes, err := tiles(level, first/TileWidth)
	if err != nil {
		return nil, err
	}
	from := first % TileWidth
	if from+width > uint64(len(hashes)) {
		return nil, fmt.Errorf("tile %d of level %d has %d hashes, and %d are needed", first/TileWidth, level, len(hashes), from+width)
	}
	r := nodes.NewEmptyRange(0)
	for i := range width {
		if err := r.Append(hashes[from+i][:], nil); err != nil {
			return nil, err
		}
	}
	return r.GetRootHash(nil)
}

func (tiles Tiles) path(n proof.Nodes) ([]Hash, error) {
	hashes := make([][]byte, len(n.IDs))
	for i, id := range n.IDs {
		var err error
		if hashes[i], err = tiles.node(id); err != nil {
			return nil, err
		}
	}
	hashes, err := n.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, err
	}
	path := make([]Hash, len(hashes))
	for i, h := range hashes {
		path[i] = Hash(h)
	}
	return path, nil
}

// Between returns the hashes of the fewest full subtrees that hold the leaves from
// begin up to end.
func (tiles Tiles) Between(begin, end uint64) ([]Hash, error) {
	ids := compact.RangeNodes(begin, end, nil)
	hashes := make([]Hash, len(ids))
	for i, id := range ids {
		h, err := tiles.node(id)
		if err != nil {
			return nil, err
		}
		hashes[i] = Hash(h)
	}
	return hashes, nil
}

// Inclusion returns the path that proves that a leaf is in the tree of a size.
func (tiles Tiles) Inclusion(index, size uint64) ([]Hash, error) {
	n, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, err
	}
	return tiles.path(n)
}

// Consistency returns the path that proves that the tree of a size has grown
// from that of a smaller one.
func (tiles Tiles) Consistency(smaller, size uint64) ([]Hash, error) {
	n, err := proof.Consistency(smaller, size)
	if err != nil {
		return nil, err
	}
	return tiles.path(n)
}

// CheckConsistency tells whether the path proves it.
func CheckConsistency(smaller, larger Checkpoint, path []Hash) error {
	return proof.VerifyConsistency(rfc6962.DefaultHasher, smaller.Size, larger.Size, list(path), smaller.Root[:], larger.Root[:])
}

func list(path []Hash) [][]byte {
	hashes := make([][]byte, len(path))
	for i := range path {
		hashes[i] = path[i][:]
	}
	return hashes
}
