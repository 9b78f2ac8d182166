package proofs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// Archived is a row of events that has bytes, and the leaf that is about it.
type Archived struct {
	Index uint64
	Salt  proof.Salt // of the content
	Row   *EventRow
}

// month is what the log has of a span of time, at one moment.
type month struct {
	tx           pgx.Tx
	since, until time.Time
	payloads     *payload.Codec
}

// End is what the tree was, or is.
type End struct {
	Size uint64
	Root proof.Hash
	Note string // the signed checkpoint; "" without one
}

// Month tells, of one moment, the events of the month from since on that have bytes,
// in the order of their leaves. With the index of an end and without a row, tell is
// called once more: that is the newest checkpoint, or the tree as it is if that has
// all of them. It refuses rows that their leaves don't fit.
func (l *Log) Month(ctx context.Context, since time.Time, tell func(tiles proof.Tiles, a Archived) error) (end End, err error) {
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, l.db.Pool(), moment, func(tx pgx.Tx) error {
		m, err := newMonth(tx, since)
		if err != nil {
			return err
		}
		defer m.payloads.Close()
		tiles, needed := tilesIn(ctx, tx), uint64(0)
		if err := m.eachPage(ctx, func(_ []tileOfLeaves, found map[uint64]Archived, _ map[uint64]bool) error {
			for _, index := range slices.Sorted(maps.Keys(found)) {
				needed = index + 1
				if err := tell(tiles, found[index]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if end, err = endOf(ctx, tx, needed); err != nil {
			return err
		}
		return tell(tiles, Archived{Index: end.Size})
	})
	if err != nil {
		return End{}, fmt.Errorf("read the log of %s: %w", since.Format("2006-01"), err)
	}
	return end, nil
}

// endOf is the newest checkpoint that has as many leaves, or the tree as it is.
func endOf(ctx context.Context, tx pgx.Tx, needed uint64) (End, error) {
	note, err := noteOf(ctx, tx, needed)
	if err != nil {
		return End{}, err
	}
	if note == "" {
		tree, err := readTree(ctx, tx, "")
		if err != nil {
			return End{}, err
		}
		return End{Size: tree.Size(), Root: tree.Root()}, nil
	}
	c, err := proof.ReadCheckpoint(note)
	return End{c.Size, c.Root, note}, err
}

// noteOf is the newest checkpoint that has as many leaves; "" without one.
func noteOf(ctx context.Context, tx pgx.Tx, needed uint64) (note string, err error) {
	err = tx.QueryRow(ctx, `
		SELECT note
		FROM proof_checkpoints
		WHERE size >= $1
		ORDER BY size DESC
		LIMIT 1`, int64(needed)).Scan(&note)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("read the newest checkpoint: %w", err)
	}
	return note, nil
}

func newMonth(tx pgx.Tx, since time.Time) (*month, error) {
	payloads, err := payload.NewCodec()
	if err != nil {
		return nil, err
	}
	return &month{tx, since, since.AddDate(0, 1, 0), payloads}, nil
}

// tilesIn reads tiles, and keeps the last one of each level.
func tilesIn(ctx context.Context, tx pgx.Tx) proof.Tiles {
	last := map[int]uint64{}
	kept := map[int][]proof.Hash{}
	return func(level int, number uint64) ([]proof.Hash, error) {
		if n, ok := last[level]; ok && n == number {
			return kept[level], nil
		}
		var hashes []byte
		if err := tx.QueryRow(ctx, `
			SELECT hashes
			FROM proof_tiles
			WHERE level = $1 AND number = $2`, int16(level), int64(number)).Scan(&hashes); err != nil {
			return nil, fmt.Errorf("read tile %d of level %d: %w", number, level, err)
		}
		list, err := readHashes(hashes)
		if err == nil {
			last[level], kept[level] = number, list
		}
		return list, err
	}
}

// eachTile tells the tiles of leaves that have some of the span, in their order.
func (m *month) eachTile(ctx context.Context, tell func([]tileOfLeaves) error) error {
	for next := int64(0); ; {
		rows, _ := m.tx.Query(ctx, `
			SELECT l.number, t.hashes, l.refs, l.salts, COALESCE(l.contents, '')
			FROM proof_leaves l
			JOIN proof_tiles t ON t.level = 0 AND t.number = l.number
			WHERE l.number >= $1 AND l.first_time < $3 AND l.last_time >= $2
			ORDER BY l.number
			LIMIT $4`, next, m.since, m.until, pageTiles)
		page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tileOfLeaves, err error) {
			return t, row.Scan(&t.number, &t.hashes, &t.refs, &t.salts, &t.contents)
		})
		if err != nil {
			return fmt.Errorf("read leaves: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		if err := tell(page); err != nil {
			return err
		}
		next = page[len(page)-1].number + 1
	}
}

// each tells the leaves of the tile that are about events of the span.
func (m *month) each(t *tileOfLeaves, tell func(i int, e Entry)) {
	for i := range min(len(t.hashes)/proof.HashSize, len(t.refs)/refSize, len(t.salts)/proof.SaltSize) {
		ref := readRef(t.refs[i*refSize:])
		if m.has(ref) {
			tell(i, Entry{Ref: ref, Salt: proof.Salt(t.salts[i*proof.SaltSize:]), Hash: proof.Hash(t.hashes[i*proof.HashSize:])})
		}
	}
}

// newest are the leaves of the span by which rows are known that were changed since
// they were recorded: the last one is about what the row is now.
func (m *month) newest(ctx context.Context) (map[Ref]uint64, error) {
	newest := map[Ref]uint64{}
	return newest, m.eachTile(ctx, func(page []tileOfLeaves) error {
		for _, t := range page {
			m.each(&t, func(i int, e Entry) {
				if e.Kind == Updated || e.Kind == ErasedEvent {
					newest[e.row()] = t.index(i)
				}
			})
		}
		return nil
	})
}

func (t *tileOfLeaves) index(i int) uint64 { return uint64(t.number)*proof.TileWidth + uint64(i) }

// eachPage tells tiles, and which of their leaves are about rows that have bytes, by
// their indexes: one for each row. Others are about what a row was before.
func (m *month) eachPage(
	ctx context.Context, tell func(page []tileOfLeaves, found map[uint64]Archived, before map[uint64]bool) error,
) error {
	newest, err := m.newest(ctx)
	if err != nil {
		return err
	}
	told := 0
	var leaf proof.Leaf
	if err := m.eachTile(ctx, func(page []tileOfLeaves) error {
		var refs []Ref
		for _, t := range page {
			m.each(&t, func(_ int, e Entry) { refs = append(refs, e.row()) })
		}
		rows, err := readEvents(ctx, m.tx, m.payloads, refs)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		found, before := map[uint64]Archived{}, map[uint64]bool{}
		for _, t := range page {
			m.each(&t, func(i int, e Entry) {
				index, r := t.index(i), rows[e.row()]
				if last, ok := newest[e.row()]; ok && index != last {
					before[index] = true
				} else if r != nil && r.Content != nil {
					r.Erased = e.Kind.erased()
					if r.Leaf(&leaf, e.Salt) != e.Hash {
						err = fmt.Errorf("%s is not as it was recorded: audit verify says more", e.row())
					}
					found[index] = Archived{index, e.Salt, r}
				}
			})
		}
		if err != nil {
			return err
		}
		told += len(found)
		return tell(page, found, before)
	}); err != nil {
		return err
	}
	var with int
	if err := m.tx.QueryRow(ctx, `
		SELECT count(payload)
		FROM events
		WHERE event_time >= $1 AND event_time < $2`, m.since, m.until).Scan(&with); err != nil {
		return fmt.Errorf("count events: %w", err)
	}
	if with != told {
		return fmt.Errorf("the log has leaves of %d of %d events that have bytes: audit verify says more", told, with)
	}
	return nil
}

// Strip takes the bytes of a month's events out of the database, within a
// transaction, for which sealing waits. Their leaves stay, each with the hash of what
// is gone: so what else there is of the events can be checked still, and nobody can
// guess by its leaf what they were. It refuses a month of which something was changed
// since the log had so many leaves. It takes the rights of the tables' owner, and
// tells how many events it was.
func Strip(ctx context.Context, tx pgx.Tx, since time.Time, leaves uint64) (events int64, err error) {
	if _, err := lockTree(ctx, tx); err != nil {
		return 0, err
	}
	m, err := newMonth(tx, since)
	if err != nil {
		return 0, err
	}
	defer m.payloads.Close()
	if err := m.eachPage(ctx, func(page []tileOfLeaves, found map[uint64]Archived, before map[uint64]bool) error {
		for index := range found {
			if index >= leaves {
				return errChanged
			}
		}
		q := &pgx.Batch{}
		for _, t := range page {
			contents, salts := make([]byte, len(t.refs)/refSize*proof.HashSize), slices.Clone(t.salts)
			copy(contents, t.contents) // of the months before
			m.each(&t, func(i int, e Entry) {
				a, ok := found[t.index(i)]
				if !ok && !before[t.index(i)] {
					return
				}
				ofLeaf := e.Salt.OfLeaf()
				copy(salts[i*proof.SaltSize:], ofLeaf[:])
				if ok {
					h := e.Salt.Content(a.Row.Content)
					copy(contents[i*proof.HashSize:], h[:])
				}
			})
			q.Queue(`
				UPDATE proof_leaves
				SET contents = $2, salts = $3
				WHERE number = $1`, t.number, contents, salts)
		}
		return tx.SendBatch(ctx, q).Close()
	}); err != nil {
		return 0, fmt.Errorf("keep the hashes of what goes: %w", err)
	}
	if err := tx.QueryRow(ctx, `SELECT strip_month($1)`, since).Scan(&events); err != nil {
		return 0, fmt.Errorf("take the bytes of %s out of the log: %w", since.Format("2006-01"), err)
	}
	return events, m.unchanged(ctx)
}

var errChanged = errors.New("events of the month were changed since it was archived, as erasing does: remove the archive, and write it again")

// unchanged tells whether nothing of the span was changed since the tree was locked:
// that waits to be sealed.
func (m *month) unchanged(ctx context.Context) error {
	rows, _ := m.tx.Query(ctx, `SELECT entries FROM proof_pending`)
	var b []byte
	_, err := pgx.ForEachRow(rows, []any{&b}, func() error {
		entries, err := readEntries(b)
		for _, e := range entries {
			if m.has(e.Ref) {
				err = errChanged
			}
		}
		return err
	})
	return err
}

// has tells whether the leaf is about an event of the span.
func (m *month) has(r Ref) bool {
	return r.row().Kind == Event && r.Time >= m.since.UnixMicro() && r.Time < m.until.UnixMicro()
}

// gone counts an event whose bytes are gone.
func (v *verification) gone(ref Ref) {
	v.archived[time.UnixMicro(ref.Time).UTC().Format("2006-01")]++
	v.report.Archived++
}

// tellArchived names the months whose bytes are gone without anybody having said so.
func (v *verification) tellArchived(ctx context.Context) error {
	rows, _ := v.tx.Query(ctx, `
		SELECT target, (details ->> 'events')::bigint
		FROM trail
		WHERE action = 'archive.finished'`)
	var name string
	var events int
	if _, err := pgx.ForEachRow(rows, []any{&name, &events}, func() error {
		if n := v.archived[name]; n != events {
			v.report.find("the bytes of %d events of %s were archived, and those of %d are gone", events, name, n)
		}
		delete(v.archived, name)
		return nil
	}); err != nil {
		return fmt.Errorf("read which months were archived: %w", err)
	}
	for name, n := range v.archived {
		v.report.find("the bytes of %d events of %s are gone, and the trail doesn't say that they were archived", n, name)
	}
	return nil
}
