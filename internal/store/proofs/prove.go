package proofs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// Prove returns the proof that a row is in the log, up to the newest checkpoint, with
// what was received only if content says so.
func (l *Log) Prove(ctx context.Context, ref Ref, content bool) (d *proof.Document, err error) {
	err = pgx.BeginTxFunc(ctx, l.db.Pool(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		index, e, err := find(ctx, tx, ref)
		if err != nil {
			return err
		}
		var leaf proof.Leaf
		received, there, err := leafOf(ctx, tx, e, &leaf)
		if err != nil {
			return err
		}
		tiles := tilesIn(ctx, tx)
		hashes, err := tiles(0, index/proof.TileWidth)
		if err != nil {
			return err
		}
		if i := index % proof.TileWidth; !there || i >= uint64(len(hashes)) || hashes[i] != leaf.Hash() {
			return fmt.Errorf("%s is not as it was recorded: subscriber audit verify tells more", ref)
		}
		note, err := noteOf(ctx, tx, index+1)
		if err != nil {
			return err
		}
		if note == "" {
			return errors.New("no checkpoint has it yet: workers sign one in five minutes, if proof.key_file names a key")
		}
		c, err := proof.ReadCheckpoint(note)
		if err != nil {
			return err
		}
		if d, err = leaf.Document(); err != nil {
			return err
		}
		if content && received != nil {
			d.Content, d.ContentSalt = received, e.Salt[:]
		}
		return d.Prove(tiles, index, c.Size, note)
	})
	if err != nil {
		return nil, fmt.Errorf("prove a record: %w", err)
	}
	return d, nil
}

// find looks for the last leaf about a row.
func find(ctx context.Context, tx pgx.Tx, ref Ref) (index uint64, e Entry, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT number, refs, salts, COALESCE(contents, '')
		FROM proof_leaves
		WHERE first_time <= $1 AND last_time >= $1
		ORDER BY number`, time.UnixMicro(ref.Time))
	found := false
	var number int64
	var refs, salts, contents []byte
	if _, err := pgx.ForEachRow(rows, []any{&number, &refs, &salts, &contents}, func() error {
		for i := 0; (i+1)*refSize <= len(refs) && (i+1)*proof.SaltSize <= len(salts); i++ {
			if readRef(refs[i*refSize:]).row() != ref.row() {
				continue
			}
			found, index = true, uint64(number)*proof.TileWidth+uint64(i)
			e = Entry{Ref: ref, Salt: proof.Salt(salts[i*proof.SaltSize:])}
			if len(contents) >= (i+1)*proof.HashSize {
				e.Gone = proof.Hash(contents[i*proof.HashSize:])
			}
		}
		return nil
	}); err != nil {
		return 0, e, fmt.Errorf("look for its leaf: %w", err)
	}
	if !found {
		return 0, e, fmt.Errorf("%s has no leaf: if it wasn't recorded just now, and is not sealed yet, somebody put it in", ref)
	}
	return index, e, nil
}

// leafOf computes the leaf of a row as it is, and returns what was received of it.
func leafOf(ctx context.Context, tx pgx.Tx, e Entry, leaf *proof.Leaf) (content []byte, there bool, err error) {
	ref := e.Ref
	if ref.Kind == Action {
		rows, err := readActions(ctx, tx, []Ref{ref})
		r := rows[ref]
		if err != nil || r == nil {
			return nil, false, err
		}
		r.Leaf(leaf, e.Salt)
		return r.Details, true, nil
	}
	payloads, err := payload.NewCodec()
	if err != nil {
		return nil, false, err
	}
	defer payloads.Close()
	rows, err := readEvents(ctx, tx, payloads, []Ref{ref})
	r := rows[ref]
	if err != nil || r == nil {
		return nil, false, err
	}
	if e.Gone != (proof.Hash{}) {
		r.leafWithout(leaf, e.Salt, e.Gone)
		return nil, true, nil
	}
	r.Leaf(leaf, e.Salt)
	return r.Content, true, nil
}
