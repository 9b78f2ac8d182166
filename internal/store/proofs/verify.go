package proofs

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// Report is what a verification found.
type Report struct {
	Leaves      uint64 // of the tree
	Root        proof.Hash
	Unsealed    int // leaves that are not in the tree yet; their rows are compared, too
	Rows        int // of events, of the quarantine and of the trail
	Erased      int // rows of which something was erased since they were recorded
	Checkpoints int // whose roots the tree had
	Archived    int // events whose bytes were taken out, after they were archived
	Findings    []string
	More        int // findings beyond those
}

// Sound reports whether everything is as it was recorded.
func (r *Report) Sound() bool { return len(r.Findings) == 0 }

// maxFindings is how many are told one by one.
const maxFindings = 100

func (r *Report) find(format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// verification is one run.
type verification struct {
	tx       pgx.Tx
	payloads *payload.Codec
	report   Report
	seed     maphash.Seed

	tree     *proof.Tree
	upper    map[tileID][]byte  // tiles above the leaves, as they are stored
	computed map[tileID][]byte  // and as they should be
	points   []proof.Checkpoint // to compare with, the smallest first
	erased   map[Ref]bool
	suspects map[Ref]uint64 // rows that their newest leaf so far doesn't fit, and its index
	leaf     proof.Leaf
	sums     map[int64]*[2]uint64 // by day: of the rows that leaves and tables tell
	archived map[string]int       // by month, "2026-08": events whose bytes are gone, as far as leaves tell
}

// Verify reads the whole log and everything that is in it as of one moment. The
// checkpoints are compared with the tree besides those that the database keeps;
// progress is told how many leaves have been read.
func (l *Log) Verify(ctx context.Context, against []proof.Checkpoint, progress func(leaves, of uint64)) (*Report, error) {
	var report *Report
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, l.db.Pool(), moment, func(tx pgx.Tx) (err error) {
		report, err = l.verifyIn(ctx, tx, against, progress)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("verify the log: %w", err)
	}
	return report, nil
}

func (l *Log) verifyIn(ctx context.Context, tx pgx.Tx, against []proof.Checkpoint, progress func(leaves, of uint64)) (*Report, error) {
	payloads, err := payload.NewCodec()
	if err != nil {
		return nil, err
	}
	defer payloads.Close()
	v := &verification{
		tx: tx, payloads: payloads, seed: maphash.MakeSeed(), points: slices.Clone(against),
		computed: map[tileID][]byte{}, erased: map[Ref]bool{}, suspects: map[Ref]uint64{}, sums: map[int64]*[2]uint64{},
		archived: map[string]int{},
	}
	return &v.report, v.run(ctx, progress)
}

func (v *verification) run(ctx context.Context, progress func(leaves, of uint64)) error {
	var size int64
	var edge []byte
	if err := v.tx.QueryRow(ctx, `SELECT size, edge FROM proof_log`).Scan(&size, &edge); err != nil {
		return fmt.Errorf("read how far the tree is: %w", err)
	}
	if err := v.readUpper(ctx); err != nil {
		return err
	}
	if err := v.readPoints(ctx); err != nil {
		return err
	}
	var err error
	if v.tree, err = proof.NewTree(0, nil); err != nil {
		return err
	}
	v.pass()
	if err := v.readLeaves(ctx, uint64(size), progress); err != nil {
		return err
	}
	v.compareTree(uint64(size), edge)
	if err := v.readPending(ctx); err != nil {
		return err
	}
	if err := v.countRows(ctx); err != nil {
		return err
	}
	v.tellSuspects()
	if err := v.tellArchived(ctx); err != nil {
		return err
	}
	return v.tellUnsealed(ctx)
}

func (v *verification) readUpper(ctx context.Context) error {
	v.upper = map[tileID][]byte{}
	rows, _ := v.tx.Query(ctx, `SELECT level, number, hashes FROM proof_tiles WHERE level > 0`)
	var id tileID
	var hashes []byte
	_, err := pgx.ForEachRow(rows, []any{&id.level, &id.number, &hashes}, func() error {
		v.upper[id] = slices.Clone(hashes)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the tree: %w", err)
	}
	return nil
}

// readPoints adds the checkpoints that the database keeps. A signature is for
// those who keep a copy elsewhere: who can change the tree can sign here, too.
func (v *verification) readPoints(ctx context.Context) error {
	rows, _ := v.tx.Query(ctx, `SELECT size, note FROM proof_checkpoints ORDER BY size`)
	var size int64
	var text string
	_, err := pgx.ForEachRow(rows, []any{&size, &text}, func() error {
		c, err := proof.ReadCheckpoint(text)
		switch {
		case err != nil:
			v.report.find("the checkpoint of %d leaves was changed: %v", size, err)
		case c.Size != uint64(size):
			v.report.find("the checkpoint of %d leaves was changed: it says %d", size, c.Size)
		default:
			v.points = append(v.points, c)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the checkpoints: %w", err)
	}
	slices.SortStableFunc(v.points, func(x, y proof.Checkpoint) int { return cmp.Compare(x.Size, y.Size) })
	return nil
}

// pass compares the checkpoints of the size that the tree has now.
func (v *verification) pass() {
	for len(v.points) > 0 && v.points[0].Size == v.tree.Size() {
		if c := v.points[0]; v.tree.Root() != c.Root {
			v.report.find("the first %d leaves are not those of the checkpoint %s", c.Size, c.Origin)
		} else {
			v.report.Checkpoints++
		}
		v.points = v.points[1:]
	}
}

// pageTiles is how many tiles of leaves are read at once.
const pageTiles = 32

type tileOfLeaves struct {
	number                        int64
	hashes, refs, salts, contents []byte
}

func (v *verification) readLeaves(ctx context.Context, size uint64, progress func(leaves, of uint64)) error {
	for next := int64(0); ; {
		rows, _ := v.tx.Query(ctx, `
			SELECT COALESCE(t.number, l.number), COALESCE(t.hashes, ''), COALESCE(l.refs, ''), COALESCE(l.salts, ''), COALESCE(l.contents, '')
			FROM (SELECT number, hashes FROM proof_tiles WHERE level = 0 AND number >= $1 AND number < $1 + $2) t
			FULL JOIN (SELECT number, refs, salts, contents FROM proof_leaves WHERE number >= $1 AND number < $1 + $2) l ON l.number = t.number
			ORDER BY 1`, next, pageTiles)
		var page []tileOfLeaves
		var one tileOfLeaves
		if _, err := pgx.ForEachRow(rows, []any{&one.number, &one.hashes, &one.refs, &one.salts, &one.contents}, func() error {
			page = append(page, tileOfLeaves{
				one.number, slices.Clone(one.hashes), slices.Clone(one.refs), slices.Clone(one.salts), slices.Clone(one.contents),
			})
			return nil
		}); err != nil {
			return fmt.Errorf("read leaves: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		if err := v.readPage(ctx, page, next, size); err != nil {
			return err
		}
		next = page[len(page)-1].number + 1
		progress(v.tree.Size(), size)
	}
}

func (v *verification) readPage(ctx context.Context, page []tileOfLeaves, next int64, size uint64) error {
	entries := make([]Entry, 0, len(page)*proof.TileWidth)
	indexes := make([]uint64, 0, len(page)*proof.TileWidth)
	for _, t := range page {
		for ; next < t.number; next++ {
			v.report.find("the leaves from %d to %d are gone", next*proof.TileWidth, (next+1)*proof.TileWidth-1)
		}
		next++
		want := min(proof.TileWidth, int(max(0, int64(size)-t.number*proof.TileWidth)))
		hashes, refs := len(t.hashes)/proof.HashSize, len(t.refs)/refSize
		if hashes != want || refs != want || len(t.salts)/proof.SaltSize != want {
			v.report.find("the leaves from %d on are %d hashes of %d records, and there were %d", t.number*proof.TileWidth, hashes, refs, want)
		}
		for i := range hashes {
			e := Entry{Hash: proof.Hash(t.hashes[i*proof.HashSize:])}
			index := v.tree.Size()
			v.tree.Append(e.Hash, func(level int, index uint64, h proof.Hash) {
				if level > 0 {
					id := tileID{int16(level), int64(index / proof.TileWidth)}
					v.computed[id] = append(v.computed[id], h[:]...)
				}
			})
			v.pass()
			if i < min(refs, len(t.salts)/proof.SaltSize) {
				e.Ref, e.Salt = readRef(t.refs[i*refSize:]), proof.Salt(t.salts[i*proof.SaltSize:])
				if len(t.contents) >= (i+1)*proof.HashSize {
					e.Gone = proof.Hash(t.contents[i*proof.HashSize:])
				}
				entries, indexes = append(entries, e), append(indexes, index)
			}
		}
	}
	return v.compareRows(ctx, entries, indexes)
}

// compareTree compares what the leaves make with what is stored of the tree.
func (v *verification) compareTree(size uint64, edge []byte) {
	v.report.Leaves, v.report.Root = v.tree.Size(), v.tree.Root()
	var want []byte
	for _, h := range v.tree.Edge() {
		want = append(want, h[:]...)
	}
	if v.tree.Size() != size || !slices.Equal(want, edge) {
		v.report.find("the tree of %d leaves has another edge than proof_log, which has %d", v.tree.Size(), size)
	}
	for id, hashes := range v.computed {
		if !slices.Equal(hashes, v.upper[id]) {
			v.report.find("tile %d of level %d is not what the leaves below it make", id.number, id.level)
		}
		delete(v.upper, id)
	}
	for id := range v.upper {
		v.report.find("there are no leaves below tile %d of level %d", id.number, id.level)
	}
	for _, c := range v.points {
		v.report.find("the checkpoint %s has %d leaves, and there are %d: the log was cut, or the database was set back to an older state",
			c.Origin, c.Size, v.tree.Size())
	}
}

// compareRows compares rows with leaves, which are in the order of the tree: of
// those of one row the last one counts.
func (v *verification) compareRows(ctx context.Context, entries []Entry, indexes []uint64) error {
	var ofEvents, ofQuarantine, ofTrail []Ref
	for i := range entries {
		switch r := entries[i].row(); r.Kind {
		case Event:
			ofEvents = append(ofEvents, r)
		case Quarantined:
			ofQuarantine = append(ofQuarantine, r)
		case Action:
			ofTrail = append(ofTrail, r)
		default:
			v.report.find("leaf %d is about nothing that there is: kind %q", indexes[i], byte(r.Kind))
		}
	}
	rows, err := readEvents(ctx, v.tx, v.payloads, ofEvents)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	kept, err := readQuarantine(ctx, v.tx, ofQuarantine)
	if err != nil {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	actions, err := readActions(ctx, v.tx, ofTrail)
	if err != nil {
		return fmt.Errorf("read the trail: %w", err)
	}
	for i := range entries {
		e := &entries[i]
		ref := e.row()
		fits := false
		switch e.Kind {
		case Event, Updated, ErasedEvent:
			if r := rows[ref]; r != nil {
				r.Erased = e.Kind.erased()
				if e.Gone == (proof.Hash{}) {
					fits = r.Leaf(&v.leaf, e.Salt) == e.Hash
				} else {
					fits = r.Content == nil && r.leafWithout(&v.leaf, e.Salt, e.Gone) == e.Hash
					v.gone(ref)
				}
				v.isThere(e)
			}
		case Quarantined, ErasedQuarantined:
			if r := kept[ref]; r != nil {
				r.Erased = e.Kind.erased()
				fits = r.Leaf(&v.leaf, e.Salt) == e.Hash
				v.isThere(e)
			}
		case Action, ErasedAction:
			if r := actions[ref]; r != nil {
				r.Erased = e.Kind.erased()
				fits = r.Leaf(&v.leaf, e.Salt) == e.Hash
				v.isThere(e)
			}
		case Released:
			fits = kept[ref] == nil && e.Hash == leafOfReleased(QuarantineRow{Key: ref.Key, ReceivedAt: time.UnixMicro(ref.Time)})
		}
		if fits {
			delete(v.suspects, ref)
		} else {
			v.suspects[ref] = indexes[i]
		}
	}
	return nil
}

// isThere counts the row of a leaf, once, and notes whether its last leaf says that
// something of it was erased.
func (v *verification) isThere(e *Entry) {
	ref := e.row()
	if e.Kind == ref.Kind {
		v.sum(ref, 0)
	}
	delete(v.erased, ref)
	if e.Kind.erased() {
		v.erased[ref] = true
	}
}

func (v *verification) tellSuspects() {
	v.report.Erased = len(v.erased)
	list := make([]Ref, 0, len(v.suspects))
	for ref := range v.suspects {
		list = append(list, ref)
	}
	slices.SortFunc(list, func(x, y Ref) int { return cmp.Compare(v.suspects[x], v.suspects[y]) })
	for _, ref := range list {
		v.report.find("%s is not as it was recorded: it was changed or taken out (leaf %d)", ref, v.suspects[ref])
	}
}

// String names the row to people.
func (r Ref) String() string {
	at := time.UnixMicro(r.Time).UTC().Format(time.RFC3339Nano)
	switch r.row().Kind {
	case Action:
		return fmt.Sprintf("the row %x of the trail, of %s,", r.Key, at)
	case Quarantined:
		return fmt.Sprintf("the message %x in quarantine, received %s,", r.Key, at)
	}
	name := fmt.Sprintf("the event %x of %s", r.Key, at)
	if r.Ordinal > 0 {
		name += fmt.Sprintf(", item %d,", r.Ordinal)
	}
	return name
}

func (v *verification) readPending(ctx context.Context) error {
	rows, _ := v.tx.Query(ctx, `SELECT entries FROM proof_pending ORDER BY id`)
	pending, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("read what is pending: %w", err)
	}
	for _, p := range pending {
		entries, err := readEntries(p)
		if err != nil {
			v.report.find("what is pending was changed: %v", err)
			continue
		}
		indexes := make([]uint64, len(entries))
		for i := range indexes {
			indexes[i] = v.report.Leaves + uint64(v.report.Unsealed)
			v.report.Unsealed++
		}
		if err := v.compareRows(ctx, entries, indexes); err != nil {
			return err
		}
	}
	return nil
}
