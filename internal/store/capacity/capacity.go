// Package capacity reads what of the database server's settings and of the tables'
// size decides how much disk and log the events take.
//
// It works without a schema, as any role. An error is about the database.
package capacity

import (
	"context"
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Settings are those that hold for the worker's connections.
type Settings struct {
	Fsync             bool
	SynchronousCommit bool // commits wait for the disk
	Autovacuum        bool
	Compression       bool // of page images in the log, by any method
	CheckpointTimeout time.Duration
	MaxWAL            int64 // max_wal_size, bytes
	Events            int64 // in the log, as last counted by (auto)vacuum; 0 if it never has
}

// Read asks the server.
func Read(ctx context.Context, s *store.Store) (Settings, error) {
	ctx, cancel := s.WithTimeout(ctx)
	defer cancel()
	var got Settings
	var seconds int64
	err := s.Pool().QueryRow(ctx, `
		SELECT current_setting('fsync')::boolean, current_setting('synchronous_commit') <> 'off', current_setting('autovacuum')::boolean,
			current_setting('wal_compression') <> 'off',
			extract(epoch FROM current_setting('checkpoint_timeout')::interval)::bigint,
			pg_size_bytes(current_setting('max_wal_size')),
			(
				SELECT COALESCE(sum(greatest(c.reltuples, 0)), 0)::bigint
				FROM pg_inherits AS i
				JOIN pg_class AS c ON c.oid = i.inhrelid
				WHERE i.inhparent = to_regclass('events')
			)`).Scan(&got.Fsync, &got.SynchronousCommit, &got.Autovacuum, &got.Compression, &seconds, &got.MaxWAL, &got.Events)
	if err != nil {
		return Settings{}, fmt.Errorf("read the server's settings: %w", err)
	}
	got.CheckpointTimeout = time.Duration(seconds) * time.Second
	return got, nil
}

// Tight tells which settings cost many events more log than they need, and what
// mends each.
func (s Settings) Tight() (seen, fix []string) {
	if s.CheckpointTimeout < 15*time.Minute {
		seen = append(seen, fmt.Sprintf("checkpoint_timeout is %v", s.CheckpointTimeout))
		fix = append(fix, "ALTER SYSTEM SET checkpoint_timeout = '30min'")
	}
	if s.MaxWAL < 4<<30 {
		seen = append(seen, fmt.Sprintf("max_wal_size is %d MB", s.MaxWAL>>20))
		fix = append(fix, "ALTER SYSTEM SET max_wal_size = '8GB'")
	}
	if !s.Compression {
		seen = append(seen, "wal_compression is off")
		fix = append(fix, "ALTER SYSTEM SET wal_compression = on")
	}
	return seen, fix
}
