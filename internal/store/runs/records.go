package runs

import (
	"context"
	"fmt"
	"time"

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
		VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7, ''))
		ON CONFLICT DO NOTHING`, r.Key, r.EventTime, r.Reactor, r.Space, r.Member, store.Clean(r.Name), store.Clean(r.Value)); err != nil {
		return fmt.Errorf("keep record %s of rule %s: %w", r.Key, r.Reactor, err)
	}
	return nil
}
