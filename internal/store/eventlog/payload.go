package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"
)

// codecRaw and codecDict1 are values of events.payload_codec.
const (
	codecRaw   int16 = 0
	codecDict1 int16 = 1
)

// payloadCodec compresses payloads one by one. They are too short to hold
// repetitions of their own; the dictionary supplies what all have in common.
type payloadCodec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newPayloadCodec() (*payloadCodec, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), // Postgres has checksums of its own
		zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(zstd.MinWindowSize<<6),
		zstd.WithEncoderDictRaw(uint32(codecDict1), []byte(payloadDictionary)))
	if err != nil {
		return nil, fmt.Errorf("create the payload compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(uint32(codecDict1), []byte(payloadDictionary)))
	if err != nil {
		return nil, fmt.Errorf("create the payload decompressor: %w", err)
	}
	return &payloadCodec{enc: enc, dec: dec}, nil
}

func (c *payloadCodec) close() {
	_ = c.enc.Close() // nothing is buffered: only EncodeAll is used
	c.dec.Close()
}

// encode appends data to buf, compressed if that makes it smaller.
func (c *payloadCodec) encode(buf, data []byte) ([]byte, int16) {
	start := len(buf)
	buf = c.enc.EncodeAll(data, buf)
	if len(buf)-start < len(data) {
		return buf, codecDict1
	}
	return append(buf[:start], data...), codecRaw
}

func (c *payloadCodec) decode(payload []byte, codec int16) ([]byte, error) {
	switch codec {
	case codecRaw:
		return payload, nil
	case codecDict1:
		return c.dec.DecodeAll(payload, nil)
	default:
		return nil, fmt.Errorf("codec %d is of a newer version", codec)
	}
}

// publish puts the dictionary into the database, so that payloads can be read
// without this program. A different dictionary under the same number would
// make payloads unreadable: it is an error.
func (c *payloadCodec) publish(ctx context.Context, pool *pgxpool.Pool) error {
	var same bool
	err := pool.QueryRow(ctx, `
		WITH added AS (
			INSERT INTO payload_dictionaries (id, dictionary)
			VALUES ($1, $2)
			ON CONFLICT (id) DO NOTHING
		)
		SELECT NOT EXISTS (
			SELECT FROM payload_dictionaries
			WHERE id = $1 AND dictionary <> $2
		)`, codecDict1, []byte(payloadDictionary)).Scan(&same)
	if err != nil {
		return fmt.Errorf("store payload dictionary %d: %w", codecDict1, err)
	}
	if !same {
		return fmt.Errorf("store payload dictionary %d: the database holds a different one", codecDict1)
	}
	return nil
}

// ErrNoPayload is the answer of [Store.Payload] for an unknown key.
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
		payload, err = s.payloads.decode(payload, codec)
	}
	if err != nil {
		return nil, fmt.Errorf("read payload of event %x: %w", key[:], err)
	}
	return payload, nil
}
