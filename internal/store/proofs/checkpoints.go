package proofs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// RefusedError says why no checkpoint is signed: what is in the database isn't what
// the last one was signed for. Waiting doesn't mend it.
type RefusedError struct{ reason string }

func (e *RefusedError) Error() string { return e.reason }

func refuse(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// Signed is a checkpoint and the note that was signed for it.
type Signed struct {
	proof.Checkpoint
	Note string
	New  bool // signed just now
}

// Sign signs a checkpoint of the tree if it has grown and the last one is older than a
// time, and returns the newest one, the zero value for an empty tree. Before, it proves
// that the tree has grown out of the newest one that the database keeps, and out of that
// which the caller knows; otherwise the error is a [*RefusedError]. Of several that
// sign at once, one does.
func (l *Log) Sign(ctx context.Context, signer note.Signer, known proof.Checkpoint, every time.Duration) (newest Signed, err error) {
	ctx, cancel := l.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		tree, err := lockTree(ctx, tx)
		if err != nil {
			return err
		}
		now := proof.Checkpoint{Origin: signer.Name(), Size: tree.Size(), Root: tree.Root()}
		kept, recent, err := newestCheckpoint(ctx, tx, every)
		if err != nil {
			return err
		}
		for _, earlier := range []proof.Checkpoint{kept.Checkpoint, known} {
			if err := grown(ctx, tx, earlier, now); err != nil {
				return err
			}
		}
		if newest = kept; recent || now.Size == kept.Size {
			return nil
		}
		if newest.Note, err = now.Sign(signer); err != nil {
			return err
		}
		newest.Checkpoint, newest.New = now, true
		_, err = tx.Exec(ctx, `INSERT INTO proof_checkpoints (size, note) VALUES ($1, $2)`, int64(now.Size), newest.Note)
		return err
	})
	if err != nil {
		return Signed{}, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return newest, nil
}

// Notes are all that the database keeps, the one of the smallest tree first.
func (l *Log) Notes(ctx context.Context) ([]string, error) {
	notes, err := store.List(ctx, l.db, pgx.RowTo[string], `SELECT note FROM proof_checkpoints ORDER BY size`)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	return notes, nil
}

// newestCheckpoint also tells whether it was signed within a time. What was signed in the
// future, by a clock that went back since, was not.
func newestCheckpoint(ctx context.Context, tx pgx.Tx, every time.Duration) (s Signed, recent bool, err error) {
	var size int64
	err = tx.QueryRow(ctx, `
		SELECT size, note, signed_at BETWEEN now() - $1::interval AND now()
		FROM proof_checkpoints
		ORDER BY size DESC
		LIMIT 1`, every).Scan(&size, &s.Note, &recent)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Signed{}, false, nil
	case err != nil:
		return Signed{}, false, fmt.Errorf("read the newest checkpoint: %w", err)
	}
	if s.Checkpoint, err = proof.ReadCheckpoint(s.Note); err != nil || s.Size != uint64(size) {
		return Signed{}, false, refuse("the checkpoint of %d leaves in the database was changed", size)
	}
	return s, recent, nil
}

// grown proves that the tree of a checkpoint has become that of another.
func grown(ctx context.Context, tx pgx.Tx, from, to proof.Checkpoint) error {
	switch {
	case from.Size == 0:
		return nil
	case from.Origin != to.Origin:
		return refuse("the last checkpoint is of the log %q, and the key of %q: use a key of the same name, which audit key makes", from.Origin, to.Origin)
	case from.Size > to.Size:
		return refuse("the log has %d leaves, and had %d at its last checkpoint: it was cut, or the database was set back to an older state",
			to.Size, from.Size)
	}
	tiles := tilesIn(ctx, tx)
	var failed error // to read, which says nothing of the tree
	path, err := proof.Tiles(func(level int, number uint64) (hashes []proof.Hash, err error) {
		if hashes, err = tiles(level, number); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			failed = err
		}
		return hashes, err
	}).Consistency(from.Size, to.Size)
	if failed != nil {
		return failed
	}
	if err == nil {
		err = proof.CheckConsistency(from, to, path)
	}
	if err != nil {
		return refuse("the log is not what it was at its last checkpoint, of %d leaves: it was changed since", from.Size)
	}
	return nil
}

// retryAfter is how long a worker has to copy a checkpoint to a place before another
// one, or the same again, tries.
const retryAfter = 30 * time.Second

// Claim reports whether the caller is to copy the checkpoint of a size to a place:
// it isn't there yet, and nobody else is about it.
func (l *Log) Claim(ctx context.Context, place string, size uint64) (bool, error) {
	tag, err := l.db.Exec(ctx, `
		INSERT INTO proof_copies AS c (place)
		VALUES ($1)
		ON CONFLICT (place) DO UPDATE SET tried_at = now()
		WHERE c.size < $2 AND c.tried_at NOT BETWEEN now() - $3::interval AND now()`, place, int64(size), retryAfter)
	if err != nil {
		return false, fmt.Errorf("claim the copy of a checkpoint: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// Copied says of a place whether the checkpoint of a size could be copied there.
func (l *Log) Copied(ctx context.Context, place string, size uint64, ok bool) error {
	_, err := l.db.Exec(ctx, `
		UPDATE proof_copies
		SET size = CASE WHEN $3 THEN GREATEST(size, $2) ELSE size END,
			failing_since = CASE WHEN NOT $3 THEN COALESCE(failing_since, now()) END
		WHERE place = $1`, place, int64(size), ok)
	if err != nil {
		return fmt.Errorf("save how the copy of a checkpoint went: %w", err)
	}
	return nil
}
