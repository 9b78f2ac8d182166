package proofs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// Log is the transparency log of a database.
type Log struct{ db *store.Store }

// New returns the database's log.
func New(db *store.Store) *Log { return &Log{db} }

// AddUpdated adds, within the transaction that changed them, what rows of events
// are since.
func AddUpdated(ctx context.Context, tx pgx.Tx, payloads *payload.Codec, refs []Ref) error {
	rows, err := readEvents(ctx, tx, payloads, refs)
	if err != nil {
		return fmt.Errorf("read %d changed rows of the log: %w", len(refs), err)
	}
	var leaf proof.Leaf
	entries := make([]Entry, 0, len(rows))
	salts := proof.NewSalts(len(rows))
	for _, ref := range refs {
		r := rows[ref.row()]
		if r == nil {
			continue // nothing was changed
		}
		salt := salts[len(entries)]
		entries = append(entries, Entry{Ref: r.Ref(Updated), Salt: salt, Hash: r.Leaf(&leaf, salt)})
	}
	q := &pgx.Batch{}
	Queue(q, entries)
	return tx.SendBatch(ctx, q).Close()
}

// Release takes messages out of the quarantine, and says so in the log.
func Release(ctx context.Context, db *store.Store, keys []pgtype.UUID) error {
	_, err := ReleaseBy(ctx, db, `
		DELETE FROM quarantine
		WHERE quarantine_key = ANY ($1)
		RETURNING quarantine_key, received_at`, keys)
	return err
}

// ReleaseBy does it by a statement that deletes them and returns their
// quarantine_key and received_at; it tells how many there were.
func ReleaseBy(ctx context.Context, db *store.Store, statement string, args ...any) (released int, err error) {
	ctx, cancel := db.WithTimeout(ctx)
	defer cancel()
	return released, pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, statement, args...)
		var entries []Entry
		var key pgtype.UUID
		var at time.Time
		if err := store.Each(rows, []any{&key, &at}, func() {
			r := QuarantineRow{Key: key.Bytes, ReceivedAt: at}
			entries = append(entries, Entry{Ref: r.Ref(Released), Hash: leafOfReleased(r)})
		}); err != nil || len(entries) == 0 {
			return err
		}
		released = len(entries)
		q := &pgx.Batch{}
		Queue(q, entries)
		return tx.SendBatch(ctx, q).Close()
	})
}

// leafOfReleased is the leaf of a message that has left the quarantine. It tells nothing
// that a salt would have to hide.
func leafOfReleased(r QuarantineRow) proof.Hash {
	var l proof.Leaf
	l.Begin(proof.Released, proof.Salt{})
	l.Text(fmt.Sprintf("%x", r.Key))
	l.Time(r.ReceivedAt)
	l.None()
	return l.Hash()
}

// atOnce is how many rows of proof_pending one transaction seals.
const atOnce = 64

// Seal puts what has committed into the tree, and tells how many leaves it added.
// Of two that seal at once, the second waits and goes on behind the first.
func (l *Log) Seal(ctx context.Context) (added int, err error) {
	for {
		n, rows, err := l.sealSome(ctx)
		added += n
		if err != nil {
			return added, fmt.Errorf("seal the log: %w", err)
		}
		if rows < atOnce {
			return added, nil
		}
	}
}

func (l *Log) sealSome(ctx context.Context) (leaves, rows int, err error) {
	ctx, cancel := l.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		leaves, rows = 0, 0
		tree, err := lockTree(ctx, tx)
		if err != nil {
			return err
		}
		pending, err := takePending(ctx, tx)
		if err != nil || len(pending) == 0 {
			return err
		}
		rows = len(pending)
		g := newGrowth(tree)
		for _, p := range pending {
			entries, err := readEntries(p)
			if err != nil {
				return err
			}
			leaves += len(entries)
			for i := range entries {
				g.add(&entries[i])
			}
		}
		return g.save(ctx, tx)
	})
	return leaves, rows, err
}

// lockTree reads how far the tree is. The next one waits until the transaction ends,
// and then sees what it has done.
func lockTree(ctx context.Context, tx pgx.Tx) (*proof.Tree, error) {
	return readTree(ctx, tx, "FOR UPDATE")
}

func readTree(ctx context.Context, tx pgx.Tx, lock string) (*proof.Tree, error) {
	var size int64
	var edge []byte
	if err := tx.QueryRow(ctx, `
		SELECT size, edge
		FROM proof_log
		`+lock).Scan(&size, &edge); err != nil {
		return nil, fmt.Errorf("read how far the tree is: %w", err)
	}
	hashes, err := readHashes(edge)
	if err != nil {
		return nil, err
	}
	return proof.NewTree(uint64(size), hashes)
}

func readHashes(b []byte) ([]proof.Hash, error) {
	if len(b)%proof.HashSize != 0 {
		return nil, fmt.Errorf("hashes have %d bytes, which is no multiple of %d", len(b), proof.HashSize)
	}
	list := make([]proof.Hash, len(b)/proof.HashSize)
	for i := range list {
		list[i] = proof.Hash(b[i*proof.HashSize:])
	}
	return list, nil
}

func takePending(ctx context.Context, tx pgx.Tx) ([][]byte, error) {
	rows, _ := tx.Query(ctx, `
		WITH taken AS (
			DELETE FROM proof_pending
			WHERE id IN (SELECT id FROM proof_pending ORDER BY id LIMIT $1)
			RETURNING id, entries
		)
		SELECT entries
		FROM taken
		ORDER BY id`, atOnce)
	list, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, fmt.Errorf("take what is pending: %w", err)
	}
	return list, nil
}

// growth is what leaves add to tiles.
type growth struct {
	tree   *proof.Tree
	tiles  map[tileID][]byte
	leaves map[int64]*leaves
}

type tileID struct {
	level  int16
	number int64
}

type leaves struct {
	first, last int64 // microseconds
	refs, salts []byte
}

func newGrowth(tree *proof.Tree) *growth {
	return &growth{tree, map[tileID][]byte{}, map[int64]*leaves{}}
}

func (g *growth) add(e *Entry) {
	number := int64(g.tree.Size() / proof.TileWidth)
	x := g.leaves[number]
	if x == nil {
		x = &leaves{first: e.Time, last: e.Time}
		g.leaves[number] = x
	}
	x.first, x.last = min(x.first, e.Time), max(x.last, e.Time)
	x.refs, x.salts = e.append(x.refs), append(x.salts, e.Salt[:]...)
	g.tree.Append(e.Hash, func(level int, index uint64, h proof.Hash) {
		id := tileID{int16(level), int64(index / proof.TileWidth)}
		g.tiles[id] = append(g.tiles[id], h[:]...)
	})
}

func (g *growth) save(ctx context.Context, tx pgx.Tx) error {
	q := &pgx.Batch{}
	for id, hashes := range g.tiles {
		q.Queue(`
			INSERT INTO proof_tiles AS t (level, number, hashes)
			VALUES ($1, $2, $3)
			ON CONFLICT (level, number) DO UPDATE SET hashes = t.hashes || excluded.hashes`, id.level, id.number, hashes)
	}
	for number, x := range g.leaves {
		q.Queue(`
			INSERT INTO proof_leaves AS l (number, first_time, last_time, refs, salts)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (number) DO UPDATE SET
				first_time = LEAST(l.first_time, excluded.first_time),
				last_time = GREATEST(l.last_time, excluded.last_time),
				refs = l.refs || excluded.refs,
				salts = l.salts || excluded.salts,
				contents = l.contents || decode(repeat('00', 32 * (length(excluded.refs) / 27)), 'hex')`,
			number, time.UnixMicro(x.first), time.UnixMicro(x.last), x.refs, x.salts)
	}
	var edge []byte
	for _, h := range g.tree.Edge() {
		edge = append(edge, h[:]...)
	}
	q.Queue(`UPDATE proof_log SET size = $1, edge = $2, sealed_at = now()`, int64(g.tree.Size()), edge)
	return tx.SendBatch(ctx, q).Close()
}
