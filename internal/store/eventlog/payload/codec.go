// Package payload compresses the payloads of events one by one, with a
// dictionary that the database holds as well.
//
// It promises that a payload is decoded to the bytes that were encoded, by this
// program or by any zstd with the dictionary: it is raw content, so frames name
// none (zstd would look for the name within the dictionary). The caller publishes the dictionary
// before it writes the first payload.
package payload

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"
)

// codecRaw and codecDict1 are values of events.payload_codec.
const (
	codecRaw   int16 = 0
	codecDict1 int16 = 1
)

// unnamed is the id of a dictionary that frames don't name.
const unnamed = 0

// Codec compresses payloads. They are too short to hold
// repetitions of their own; the dictionary supplies what all have in common.
type Codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// NewCodec returns a Codec. Close it.
func NewCodec() (*Codec, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), // Postgres has checksums of its own
		zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(zstd.MinWindowSize<<6),
		zstd.WithEncoderDictRaw(unnamed, []byte(dictionary)))
	if err != nil {
		return nil, fmt.Errorf("create the payload compressor: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderDictRaw(unnamed, []byte(dictionary)))
	if err != nil {
		return nil, fmt.Errorf("create the payload decompressor: %w", err)
	}
	return &Codec{enc: enc, dec: dec}, nil
}

// Close frees what the Codec holds.
func (c *Codec) Close() {
	_ = c.enc.Close() // nothing is buffered: only EncodeAll is used
	c.dec.Close()
}

// Encode appends data to buf, compressed if that makes it smaller, and tells how:
// the value of events.payload_codec.
func (c *Codec) Encode(buf, data []byte) ([]byte, int16) {
	start := len(buf)
	buf = c.enc.EncodeAll(data, buf)
	if len(buf)-start < len(data) {
		return buf, codecDict1
	}
	return append(buf[:start], data...), codecRaw
}

// Decode undoes Encode.
func (c *Codec) Decode(payload []byte, codec int16) ([]byte, error) {
	switch codec {
	case codecRaw:
		return payload, nil
	case codecDict1:
		return c.dec.DecodeAll(payload, nil)
	default:
		return nil, fmt.Errorf("codec %d is of a newer version", codec)
	}
}

// Publish puts the dictionary into the database, so that payloads can be read
// without this program. A different dictionary under the same number would
// make payloads unreadable: it is an error.
func (c *Codec) Publish(ctx context.Context, pool *pgxpool.Pool) error {
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
		)`, codecDict1, []byte(dictionary)).Scan(&same)
	if err != nil {
		return fmt.Errorf("store payload dictionary %d: %w", codecDict1, err)
	}
	if !same {
		return fmt.Errorf("store payload dictionary %d: the database holds a different one", codecDict1)
	}
	return nil
}
