package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// changing is for how long events of a month may still be recorded.
const changing = 40 * 24 * time.Hour

// Check tells why a month can't be archived: it may still change, or an older one
// wasn't, as a rebuild of projections begins behind the newest that was.
func Check(ctx context.Context, db *store.Store, since time.Time) error {
	name := since.Format(Name)
	if end := since.AddDate(0, 1, 0).Add(changing); db.Now().Before(end) {
		return fmt.Errorf("events of %s may be recorded until %s: archive it after that", name, end.Format(time.DateOnly))
	}
	found, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT 'archived'
		FROM trail
		WHERE action = 'archive.finished' AND target = $1
		UNION ALL
		SELECT to_char(min(e.event_time) AT TIME ZONE 'UTC', 'YYYY-MM')
		FROM events e
		WHERE e.event_time < $2 AND e.event_time >= (
			SELECT COALESCE((max(target || '-01')::date + interval '1 month')::timestamp AT TIME ZONE 'UTC', '-infinity')
			FROM trail
			WHERE action = 'archive.finished'
		)
		HAVING count(*) > 0`, name, since)
	switch {
	case err != nil:
		return err
	case len(found) > 0 && found[0] == "archived":
		return fmt.Errorf("%s was archived already: its bytes aren't in the database", name)
	case len(found) > 0:
		return fmt.Errorf("%s has to be archived before %s: there are events of it", found[0], name)
	}
	return nil
}

// Drop takes the bytes that the archive in a directory has out of the database, and
// nothing else of the events, in one transaction. The caller has read the archive.
func Drop(ctx context.Context, db *store.Store, m *Manifest, dir, reason string) error {
	since, err := time.Parse(Name, m.Month)
	if err != nil {
		return fmt.Errorf("the manifest has the month %q: want one such as 2026-08", m.Month)
	}
	text, err := readfile.Regular(filepath.Join(dir, ManifestFile), readfile.Text)
	if err != nil {
		return fmt.Errorf("read an archive: %w", err)
	}
	sum := sha256.Sum256(text)
	return pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error {
		// It reads and writes the month once, however long that takes.
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`); err != nil {
			return err
		}
		if err := allowed(ctx, tx, since); err != nil {
			return err
		}
		events, err := proofs.Strip(ctx, tx, since, m.Leaves)
		if err != nil {
			return err
		}
		if events != m.Events {
			return fmt.Errorf("the database has the bytes of %d events of %s, and the archive %s those of %d: nothing was taken out", events, m.Month, dir, m.Events)
		}
		return trail.Record(ctx, tx, trail.Action{
			Name: "archive.finished", Target: m.Month, Reason: reason,
			Details: map[string]any{"events": events, "manifest": hex.EncodeToString(sum[:])},
		})
	})
}

// allowed tells whether a legal hold keeps events of the month: those in a space, and
// those that a person did or could read.
func allowed(ctx context.Context, tx pgx.Tx, since time.Time) error {
	held, err := holds.Read(ctx, tx)
	if err != nil || len(held) == 0 {
		return err
	}
	var events int
	if err := tx.QueryRow(ctx, `
		SELECT count(*)
		FROM events e
		LEFT JOIN spaces p ON p.id = e.space_id
		LEFT JOIN users u ON u.id = e.actor_id
		WHERE e.event_time >= $1 AND e.event_time < $2 AND e.payload IS NOT NULL AND (
			p.space = ANY ($3) OR u.user_name = ANY ($4)
			OR e.space_id IN (SELECT space_id FROM stored_memberships WHERE member = ANY ($4))
		)`, since, since.AddDate(0, 1, 0), held.Spaces(), held.People()).Scan(&events); err != nil {
		return fmt.Errorf("find what is held: %w", err)
	}
	if events > 0 {
		return fmt.Errorf("a legal hold keeps %d events of %s, so nothing was taken out; audit hold list shows the holds", events, since.Format(Name))
	}
	return nil
}
