package proofs

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// AddErased adds, within the transaction that erased something of them, what rows
// are since. The refs are of the kinds Event, Quarantined and Action.
func AddErased(ctx context.Context, tx pgx.Tx, payloads *payload.Codec, refs []Ref) error {
	of := map[Kind][]Ref{}
	for _, r := range refs {
		of[r.Kind] = append(of[r.Kind], r)
	}
	events, err := readEvents(ctx, tx, payloads, of[Event])
	if err != nil {
		return fmt.Errorf("read erased events: %w", err)
	}
	kept, err := readQuarantine(ctx, tx, of[Quarantined])
	if err != nil {
		return fmt.Errorf("read erased messages in quarantine: %w", err)
	}
	actions, err := readActions(ctx, tx, of[Action])
	if err != nil {
		return fmt.Errorf("read erased actions: %w", err)
	}
	var leaf proof.Leaf
	var entries []Entry
	salts := proof.NewSalts(len(refs))
	for i, r := range refs {
		e := Entry{Ref: r, Salt: salts[i]}
		switch {
		case events[r] != nil:
			e.Kind, events[r].Erased = ErasedEvent, true
			e.Hash = events[r].Leaf(&leaf, e.Salt)
		case kept[r] != nil:
			e.Kind, kept[r].Erased = ErasedQuarantined, true
			e.Hash = kept[r].Leaf(&leaf, e.Salt)
		case actions[r] != nil:
			e.Kind, actions[r].Erased = ErasedAction, true
			e.Hash = actions[r].Leaf(&leaf, e.Salt)
		default:
			continue
		}
		entries = append(entries, e)
	}
	q := &pgx.Batch{}
	Queue(q, entries)
	return tx.SendBatch(ctx, q).Close()
}

// DropSalts makes zeros of the salts of leaves about rows of which something was
// erased since: nobody can guess by those leaves any more what that was. It may end
// anywhere, and be called again.
func (l *Log) DropSalts(ctx context.Context) error {
	if _, err := l.Seal(ctx); err != nil {
		return err
	}
	last := map[Ref]int64{} // leaf that says so
	if err := l.eachLeaf(ctx, func(index int64, r Ref, _ proof.Salt) bool {
		if r.Kind.erased() {
			last[r.row()] = index
		}
		return false
	}); err != nil {
		return err
	}
	return l.eachLeaf(ctx, func(index int64, r Ref, salt proof.Salt) bool {
		erased, ok := last[r.row()]
		return ok && index < erased && salt != proof.Salt{}
	})
}

// tilesAtOnce is of how many tiles leaves are read in one transaction.
const tilesAtOnce = 64

// eachLeaf tells of each leaf, and makes zeros of its salt if drop says so.
func (l *Log) eachLeaf(ctx context.Context, drop func(index int64, r Ref, salt proof.Salt) bool) error {
	for next, more := int64(0), true; more; next += tilesAtOnce {
		if err := l.someLeaves(ctx, next, drop, &more); err != nil {
			return fmt.Errorf("go through the leaves: %w", err)
		}
	}
	return nil
}

func (l *Log) someLeaves(ctx context.Context, first int64, drop func(index int64, r Ref, salt proof.Salt) bool, more *bool) error {
	ctx, cancel := l.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		tree, err := lockTree(ctx, tx) // whoever seals appends to the last tile
		if err != nil {
			return err
		}
		*more = uint64(first+tilesAtOnce)*proof.TileWidth < tree.Size()
		rows, _ := tx.Query(ctx, `
			SELECT number, refs, salts
			FROM proof_leaves
			WHERE number >= $1 AND number < $1 + $2`, first, tilesAtOnce)
		q := &pgx.Batch{}
		var number int64
		var refs, salts []byte
		if _, err := pgx.ForEachRow(rows, []any{&number, &refs, &salts}, func() error {
			kept := bytes.Clone(salts)
			for i := range len(refs) / refSize {
				at := i * proof.SaltSize
				if drop(number*proof.TileWidth+int64(i), readRef(refs[i*refSize:]), proof.Salt(kept[at:])) {
					clear(kept[at : at+proof.SaltSize])
				}
			}
			if !bytes.Equal(kept, salts) {
				q.Queue(`UPDATE proof_leaves SET salts = $2 WHERE number = $1`, number, kept)
			}
			return nil
		}); err != nil {
			return err
		}
		return tx.SendBatch(ctx, q).Close()
	})
}
