package analytics

import (
	"runtime"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// BenchmarkExport writes 200,000 messages in each format. It reports rows a second,
// and the most memory that the process had of the system's.
//
//	go test ./internal/analytics -run '^$' -bench Export -benchtime 1x
func BenchmarkExport(b *testing.B) {
	env := storetest.New(b, storetest.Options{Timeout: 10 * time.Minute})
	if _, err := env.Pool().Exec(b.Context(), `
		INSERT INTO spaces (version_time, version_key, space, display_name, space_type, threading_state)
		SELECT now(), gen_random_uuid(), 'spaces/S' || n, 'Space ' || n, 'SPACE', 'THREADED_MESSAGES' FROM generate_series(1, 50) AS n`); err != nil {
		b.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO users (version_time, user_name, user_type) SELECT '-infinity', 'users/' || n, 'HUMAN' FROM generate_series(1, 500) AS n`,
		`INSERT INTO stored_messages (create_time, version_time, event_time, version_key, space_id, sender_id, verb_order, attachments, name, thread, text)
		SELECT at, at, at, gen_random_uuid(), (SELECT min(id) FROM spaces) + n % 50, (SELECT min(id) FROM users) + n % 500, 1, 0,
			'/' || md5(n::text), '', repeat('words and more ', 2 + n % 7)
		FROM (SELECT n, now() - n * interval '1 second' AS at FROM generate_series(1, 200000) AS n) AS i`,
		`VACUUM ANALYZE stored_messages, spaces, users`,
	} {
		if _, err := env.Pool().Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			var out nowhere
			var rows int64
			for b.Loop() {
				n, err := Export(b.Context(), env.Store, Request{Object: "fct_messages", Format: format}, &out)
				if err != nil {
					b.Fatal(err)
				}
				rows += n
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(out.memory)/(1<<20), "MB")
			b.ReportMetric(float64(out.bytes)/float64(rows), "B/row")
		})
	}
}

// nowhere counts, and looks now and then how much memory is used.
type nowhere struct {
	bytes, looked int64
	memory        uint64
}

func (n *nowhere) Write(p []byte) (int, error) {
	if n.bytes += int64(len(p)); n.bytes > n.looked {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		n.memory, n.looked = max(n.memory, m.Sys-m.HeapReleased), n.bytes+4<<20
	}
	return len(p), nil
}
