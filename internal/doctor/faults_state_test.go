package doctor

import (
	"slices"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store/capacity"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func databaseFaults() []fault {
	dsn := func(change func(w *env) string) func(*testing.T, *env) {
		return func(_ *testing.T, w *env) { w.cfg.Database.DSN = change(w) }
	}
	return []fault{
		{name: "no database server", code: "SK601", inject: dsn(func(*env) string { return "postgres://worker@127.0.0.1:1/chat" }),
			seen: `"chat" on 127.0.0.1:1 as "worker"`, fix: "start Postgres there"},
		{name: "no such database", code: "SK601", inject: dsn(func(w *env) string { return w.cfg.Database.DSN + "&dbname=absent" }),
			seen: "there is no such database", fix: "createdb absent"},
		{name: "PgBouncer", code: "SK601", inject: func(t *testing.T, w *env) {
			w.cfg.Database.DSN = storetest.PgBouncer(t, w.dsn, "pool_mode = transaction")
		}, seen: "unsupported startup parameter", fix: "not a pooler such as PgBouncer"},
		{name: "no schema", code: "SK602", inject: func(t *testing.T, w *env) { w.cfg.Database.DSN = storetest.WithRole(storetest.EmptyDSN(t), w.role) },
			seen: "no schema yet", fix: "subscriber migrate up"},
		{name: "a newer schema", own: true, code: "SK602", inject: func(t *testing.T, w *env) {
			w.sql(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true); UPDATE schema_compatibility SET oldest_binary = 999")
		}, seen: "schema version 999", fix: "or a newer one"},
		{name: "a role without rights", own: true, code: "SK603", inject: func(t *testing.T, w *env) {
			w.sql(t, "REVOKE spacekeeper_worker FROM "+w.role)
			w.sql(t, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+w.role)
		}, seen: "lacks EXECUTE on make_partition, INSERT on event_sources", fix: "GRANT spacekeeper_worker TO"},
		{name: "a role that may read nothing", own: true, code: "SK602", inject: func(t *testing.T, w *env) {
			w.sql(t, "REVOKE spacekeeper_worker FROM "+w.role)
		}, seen: "lacks SELECT on goose_db_version", fix: "subscriber database roles gives"},
		{name: "a superuser", code: "SK604", want: Warning, inject: dsn(func(w *env) string { return w.dsn }),
			seen: "is a superuser", fix: "role without privileges"},
		{name: "a standby", own: true, code: "SK605", inject: func(t *testing.T, w *env) {
			w.sql(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$")
		}, seen: "read-only", fix: "target_session_attrs=read-write"},
		{name: "commits that don't wait", own: true, code: "SK606", inject: func(t *testing.T, w *env) {
			w.sql(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$")
		}, seen: "synchronous_commit is off", fix: "set synchronous_commit = on"},
		{name: "no fsync", code: "SK606", inject: settings(func(s *capacity.Settings) { s.Fsync = false }), seen: "fsync is off", fix: "set fsync = on"},
		{name: "no autovacuum", code: "SK607", want: Warning, inject: settings(func(s *capacity.Settings) { s.Autovacuum = false }),
			seen: "autovacuum is off", fix: "set autovacuum = on"},
		{name: "many events and defaults", code: "SK608", want: Warning, inject: settings(func(s *capacity.Settings) { s.Events, s.MaxWAL = 5_000_000, 1<<30 }),
			seen: "5000000 events, checkpoint_timeout is 5m0s, max_wal_size is 1024 MB, wal_compression is off:", fix: "checkpoint_timeout = '30min'"},
		{name: "many events, not compressed", code: "SK608", want: Warning, inject: settings(func(s *capacity.Settings) {
			s.Events, s.CheckpointTimeout, s.MaxWAL = 9_000_000, time.Hour, 8<<30
		}), seen: "9000000 events, wal_compression is off:", fix: "wal_compression = on"},
		{name: "a reader that reads too much", own: true, code: "SK609", inject: func(t *testing.T, w *env) {
			w.sql(t, "GRANT SELECT ON messages TO spacekeeper_reader")
		}, seen: "spacekeeper_reader may SELECT messages", fix: "subscriber database roles takes"},
		{name: "a worker that owns the database", own: true, code: "SK609", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO "+w.role+"', current_database()); END $$")
		}, seen: "owns the database and may drop it", fix: "as a member of spacekeeper_worker"},
	}
}

// settings are of a server that tests share, so they can't be changed there.
func settings(change func(*capacity.Settings)) func(*testing.T, *env) {
	return func(_ *testing.T, w *env) {
		w.tamper = func(e *examination) {
			real := e.settings
			e.settings = func() (capacity.Settings, error) {
				got, err := real()
				change(&got)
				return got, err
			}
		}
	}
}

func stateFaults() []fault {
	return []fault{
		{name: "not subscribed", code: "SK701", inject: func(t *testing.T, w *env) {
			try(t, w.ExpireAfter(w.subscription(t, w.spaces[0]), 0))
		}, seen: "nothing watches spaces/", fix: "subscribe-setup apply"},
		{name: "suspended for the topic", code: "SK702", inject: suspend("ENDPOINT_PERMISSION_DENIED"),
			seen: "ENDPOINT_PERMISSION_DENIED", fix: "gcloud pubsub topics add-iam-policy-binding"},
		{name: "suspended for the approval", code: "SK702", inject: suspend("APP_SCOPE_REVOKED"), seen: "APP_SCOPE_REVOKED", fix: "administrator"},
		{name: "other event types", code: "SK703", inject: func(t *testing.T, w *env) {
			w.cfg.Workspace.EventTypes = config.EventTypes()[:3]
		}, seen: "drop membership", fix: "subscribe-setup apply"},
		{name: "other payload", code: "SK703", inject: func(t *testing.T, w *env) { w.cfg.Workspace.IncludeResource = false },
			seen: "include_resource", fix: "subscribe-setup apply"},
		{name: "about to expire", code: "SK704", inject: func(t *testing.T, w *env) {
			w.tamper = func(e *examination) {
				real := e.listed
				e.listed = func() (sight, error) { // three and a half of its four hours later
					there, err := real()
					there.subscriptions = slices.Clone(there.subscriptions)
					list := there.subscriptions
					for _, at := range []*time.Time{&list[0].CreateTime, &list[0].UpdateTime, &list[0].ExpireTime} {
						*at = at.Add(-210 * time.Minute)
					}
					return there, err
				}
			}
		}, seen: "less than a quarter", fix: "subscriber run"},
		{name: "a subscription that nobody wants", code: "SK705", want: Warning, inject: func(t *testing.T, w *env) {
			w.cfg.Workspace.Spaces = w.spaces[:2]
		}, seen: "not in the configuration: spaces/", fix: "--prune"},
		{name: "no worker", own: true, code: "SK706", inject: func(t *testing.T, w *env) { w.sql(t, "DELETE FROM worker_heartbeats") },
			seen: "none has ever been seen", fix: "subscriber run"},
		{name: "a worker that died", own: true, code: "SK706", inject: func(t *testing.T, w *env) {
			w.sql(t, "UPDATE worker_heartbeats SET heartbeat_at = now() - interval '1 day'")
		}, seen: "none since", fix: "subscriber run"},
		{name: "a worker that hangs", own: true, code: "SK706", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, "UPDATE worker_heartbeats SET heartbeat_at = now() - interval '7 minutes'")
		}, seen: "none for 7m", fix: "worker's log"},
		{name: "a gap", own: true, code: "SK707", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, "INSERT INTO coverage (scope, from_time, source, cause) VALUES ('spaces/S', now() - interval '1 hour', 'gap', 'expired')")
		}, seen: "spaces/S from", fix: "fetches what was missed"},
		{name: "a gap for good", own: true, code: "SK707", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, `INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
				VALUES ('spaces/S', now() - interval '50 days', now() - interval '40 days', 'gap', 'expired', 'impossible')`)
		}, seen: "can't be fetched any more: spaces/S", fix: "subscriber gaps list"},
		{name: "quarantine", own: true, code: "SK708", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, `INSERT INTO quarantine (quarantine_key, received_at, message_id, ordering_key, reason, detail, attributes, data)
				VALUES (gen_random_uuid(), now(), '1', '', 'bad_json', '', '{}', '')`)
		}, seen: "1 messages of the last 24 hours are in quarantine, the last for bad_json", fix: "SELECT"},
	}
}

func suspend(reason string) func(*testing.T, *env) {
	return func(t *testing.T, w *env) { try(t, w.Suspend(w.subscription(t, w.spaces[0]), reason)) }
}
