package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrNoPayload is the answer of [Log.Payload] for an unknown key.
var ErrNoPayload = errors.New("no event with this key")

// Payload returns the data of an event exactly as received.
func (s *Log) Payload(ctx context.Context, key Key) ([]byte, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var payload []byte
	var codec int16
	err := s.pool.QueryRow(ctx, `
		SELECT payload, payload_codec
		FROM events
		WHERE event_key = $1 AND ordinal = 0`, key).Scan(&payload, &codec)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoPayload
	}
	if err == nil {
		payload, err = s.payloads.Decode(payload, codec)
	}
	if err != nil {
		return nil, fmt.Errorf("read payload of event %x: %w", key[:], err)
	}
	return payload, nil
}
