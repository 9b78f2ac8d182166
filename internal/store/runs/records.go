package runs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Record is what a rule has noted.
type Record struct {
	Key       string // of rule and subject: what is there already stays as it is
	Name      string
	Value     string
	Reactor   string
	Space     string
	Member    string
	EventTime time.Time
}

// KeepRecord keeps a record once.
func (s *Runs) KeepRecord(ctx context.Context, r Record) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `
		INSERT INTO reactor_records (key, event_time, reactor, space, member, name, value)
		VALUES (@key, @event_time, @reactor, @space, @member, @name, NULLIF(@value, ''))
		ON CONFLICT DO NOTHING`, pgx.NamedArgs{
		"key": r.Key, "event_time": r.EventTime, "reactor": r.Reactor, "space": r.Space, "member": r.Member,
		"name": store.Clean(r.Name), "value": store.Clean(r.Value),
	}); err != nil {
		return fmt.Errorf("keep record %s of rule %s: %w", r.Key, r.Reactor, err)
	}
	return nil
}
