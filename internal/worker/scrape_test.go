package worker

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// A scrape with 1,000 rules, each with a hundred runs to come in the queue, and 10,000 or
// 100,000 spaces that are subscribed to; target for the former: 10 ms. "read" reads the
// database, "again" comes within ten seconds of it.
func BenchmarkScrape(b *testing.B) {
	for _, spaces := range []int{10_000, 100_000} {
		pg, err := localpg.Start(b.Context(), localpg.Options{Memory: true})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = pg.Stop() })
		if err := store.Migrate(b.Context(), pg.DSN()); err != nil {
			b.Fatal(err)
		}
		var file strings.Builder
		file.WriteString("reactors:\n")
		for i := range 1000 {
			fmt.Fprintf(&file, "  - {id: rule-%d, on: member.joined, do: [{record: {name: a}}]}\n", i)
		}
		cfg := nowhere(config.Default())
		cfg.Project, cfg.PubSub.Subscription, cfg.Database.DSN, cfg.Health.Addr = "p", "s", pg.DSN(), ""
		cfg.Reactors.File = filepath.Join(b.TempDir(), "reactors.yaml")
		if err := os.WriteFile(cfg.Reactors.File, []byte(file.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		w, err := New(b.Context(), cfg, zap.NewNop(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(w.Close)
		w.waiting.because(nil)
		w.upkeep(b.Context())                           // makes the partitions
		conn, err := pgx.Connect(b.Context(), pg.DSN()) // without the pool's timeout
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
		for _, sql := range []string{
			`INSERT INTO spaces (space, version_time, version_key) SELECT 'spaces/' || n, now(), gen_random_uuid() FROM generate_series(1, $1) AS n`,
			`INSERT INTO subscription_states (target, scope, name, uid, topic, state, observed_at, confirmed_at, create_time, update_time, expire_time,
				granted_at, managed, delivers, parked, include_resource, event_types)
			SELECT '//chat.googleapis.com/spaces/' || n, 'spaces/' || n, 'subscriptions/chat-spaces-' || n, gen_random_uuid(), 'projects/p/topics/t', 'ACTIVE',
				now(), now(), now(), now(), now() + interval '4 h', now(), true, true, false, true, array_fill('google.workspace.chat.message.v1.created'::text, ARRAY[8])
			FROM generate_series(1, $1) AS n`,
			`INSERT INTO coverage (scope, from_time, source) SELECT 'spaces/' || n, now(), 'live' FROM generate_series(1, $1) AS n`,
			`INSERT INTO write_slots (space, next_at) SELECT 'spaces/' || n, now() FROM generate_series(1, $1) AS n`,
			`INSERT INTO events (event_time, received_at, event_key, source_id, space_id, type_id, ordinal, payload_codec, origin, ce_id, resource)
			SELECT now() - n * interval '1 s', now(), gen_random_uuid(), 1, n, 1, 0, 0, 'l', '', '' FROM generate_series(1, $1) AS n`,
			`INSERT INTO reactor_runs (event_time, due_at, outcome, reactor, subject, trigger, space, member, hash)
			SELECT now(), now() + n * interval '1 s', 'pending', 'rule-' || n % 1000, n::text, 'member.joined', 'spaces/' || n % 1000, 'users/1', ''
			FROM generate_series(1, 100000) AS n`,
			`INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at)
			SELECT '{}', 'run', 3, 'reactors', 'scheduled', now() + n * interval '1 s' FROM generate_series(1, 100000) AS n`,
			`INSERT INTO river_queue (name, updated_at) SELECT 'reactors', now() WHERE $1 > 0`,
			`VACUUM (ANALYZE)`,
		} {
			if _, err := conn.Exec(b.Context(), strings.ReplaceAll(sql, "$1", fmt.Sprint(spaces))); err != nil {
				b.Fatalf("%s: %v", sql, err)
			}
		}
		all := newInstallationMetrics(w.readInstallation, 0, zap.NewNop())
		handler := promhttp.HandlerFor(w.newMetrics(w.ingest.Status, all), promhttp.HandlerOpts{})
		for _, how := range []string{"read", "again"} {
			b.Run(fmt.Sprintf("%d spaces/%s", spaces, how), func(b *testing.B) {
				for b.Loop() {
					if how == "read" {
						all.until = time.Time{}
					}
					answer := httptest.NewRecorder()
					handler.ServeHTTP(answer, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil))
					if !strings.Contains(answer.Body.String(), "spacekeeper_installation_read 1") {
						b.Fatalf("not read: %v", all.err)
					}
				}
			})
		}
	}
}
