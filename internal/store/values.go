package store

import (
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Microseconds cuts a time to what Postgres keeps, so that comparing here and
// there gives the same answer.
func Microseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// OptionalTime maps the zero time to NULL.
func OptionalTime(t time.Time) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()}
}

// ZeroTime maps NULL to the zero time.
func ZeroTime(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// Nullable has NULL scanned as the zero time.
func Nullable(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }

// Clean replaces what Postgres can't hold in text. Only for descriptions: the
// data itself is kept as bytes.
func Clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Column is one field of all rows, for unnest.
func Column[R, T any](rows []R, field func(*R) T) []T {
	column := make([]T, len(rows))
	for i := range rows {
		column[i] = field(&rows[i])
	}
	return column
}
