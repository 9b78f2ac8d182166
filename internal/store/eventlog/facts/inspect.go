package facts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RecordedMessage is a new message, as its event was recorded.
type RecordedMessage struct {
	Message    string    // "spaces/S/messages/M"
	EventTime  time.Time // by Google's clock
	ReceivedAt time.Time // by the worker's
}

// FindMessage looks for the first new message in the space from since on, by
// Google's clock; message names it, or is "" for any. False: none so far.
func (s Reader) FindMessage(ctx context.Context, space, message string, since time.Time) (RecordedMessage, bool, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var found RecordedMessage
	err := s.db.Pool().QueryRow(ctx, `
		SELECT full_name(e.resource, $1), e.event_time, e.received_at
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		WHERE e.space_id = (SELECT id FROM spaces WHERE space = $1)
			AND e.event_time >= $3
			AND t.kind = 'message' AND t.verb = 'created'
			AND ($2 = '' OR full_name(e.resource, $1) = $2)
		ORDER BY e.event_time
		LIMIT 1`, space, message, since).Scan(&found.Message, &found.EventTime, &found.ReceivedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return RecordedMessage{}, false, nil
	}
	if err != nil {
		return RecordedMessage{}, false, fmt.Errorf("look for a message in %s: %w", space, err)
	}
	return found, true, nil
}

// Quarantined counts what was put into quarantine from since on, and says for
// which reason the last of it was.
func (s Reader) Quarantined(ctx context.Context, since time.Time) (n int, reason string, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.db.Pool().QueryRow(ctx, `
		SELECT count(*), COALESCE((array_agg(reason ORDER BY received_at DESC))[1], '')
		FROM quarantine
		WHERE received_at >= $1`, since).Scan(&n, &reason)
	if err != nil {
		return 0, "", fmt.Errorf("count what is in quarantine: %w", err)
	}
	return n, reason, nil
}
