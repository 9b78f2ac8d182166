package items

import (
	"crypto/sha256"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Key identifies an event: the first half of a SHA-256. The SQL function
// event_key computes the same.
type Key [16]byte

// Pg is the key, for Postgres.
func (k Key) Pg() pgtype.UUID { return pgtype.UUID{Bytes: k, Valid: true} }

// KeyOf returns the key of an event. The same Chat event reaches us once per
// subscription that covers it, each time with another source, so only its id
// counts. The id of a lifecycle event is unique within its source. An
// interaction has no id but the Pub/Sub message's.
func KeyOf(ev *events.Event, messageID string) Key {
	switch {
	case ev.ID == "":
		return hashKey("interaction\n" + messageID)
	case strings.HasPrefix(ev.Type, events.ChatPrefix), isSpaceEvent(ev.ID):
		return hashKey(ev.ID)
	default:
		return hashKey(ev.Source + "\n" + ev.ID)
	}
}

func isSpaceEvent(id string) bool {
	return strings.HasPrefix(id, "spaces/") && strings.Contains(id, "/spaceEvents/")
}

func hashKey(s string) Key {
	sum := sha256.Sum256([]byte(s))
	return Key(sum[:16])
}
