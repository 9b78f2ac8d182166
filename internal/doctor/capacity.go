package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/store/capacity"
)

// manyEvents is from where on the server's defaults cost more than they are worth:
// the log of a year with that many fills the disk of a small server.
const manyEvents = 5_000_000

func databaseDurable(_ context.Context, _ *examination, s capacity.Settings) finding {
	switch {
	case !s.Fsync:
		return failed("fsync is off: if the machine stops, the whole database may be lost",
			"set fsync = on in the server's configuration, and restart it")
	case !s.SynchronousCommit:
		return failed("synchronous_commit is off: a crash loses events that Pub/Sub was told are kept",
			"set synchronous_commit = on for the server, the database and the role").about("synchronous_commit")
	}
	return fine("a commit is on disk before Pub/Sub hears of it")
}

func databaseCleaned(_ context.Context, _ *examination, s capacity.Settings) finding {
	if !s.Autovacuum {
		return warning("autovacuum is off: tables grow, and plans go by old figures", "set autovacuum = on in the server's configuration, and reload it")
	}
	return fine("by autovacuum")
}

func databaseLog(_ context.Context, _ *examination, s capacity.Settings) finding {
	if s.Events < manyEvents {
		return fine("about %d events: the server's defaults do", s.Events)
	}
	seen, fix := s.Tight()
	if len(seen) == 0 {
		return fine("about %d events, and far between checkpoints", s.Events)
	}
	return warning(fmt.Sprintf("with about %d events, %s: an event takes several times the log that it needs", s.Events, strings.Join(seen, ", ")),
		append(fix, "SELECT pg_reload_conf(); docs/capacity.md says what each saves")...)
}
