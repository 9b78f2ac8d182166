// Package installation reads how the whole installation stands, for whoever is
// asked for metrics: what all replicas see alike, and a process that has just
// begun knows, too.
//
// It promises to change nothing, and to read tables that grow with what happens by
// their indexes only, up to a bound: so it is quick on any database. The caller
// bounds the time, and doesn't ask more often than every few seconds. An error is
// about the database.
package installation

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// countedTo bounds what is counted of what may be many.
const countedTo = 1_000

// Metric is one that Read reads, all of them gauges.
type Metric struct {
	Name, Help string // as Prometheus has them, without a prefix
	Label      string // "": none
}

// Metrics lists all.
func Metrics() []Metric {
	return []Metric{
		{"coverage_gaps", "Gaps in the coverage that aren't repaired: open (still growing; absent while nobody keeps subscriptions), pending (the repair is under way), impossible, or acknowledged (impossible, and a person knows).", "state"},
		{"database_bytes", "Size of the database on disk.", ""},
		{"events_last_timestamp_seconds", "Time of the newest event of spaces whose coverage is live, a gap, unwatched, or unknown while nobody keeps subscriptions, in Unix time; absent if none of the newest 100 events is of such a space.", "coverage"},
		{"jobs", "Jobs in the queue, by state; those that have ended well are left out. Up to 1,000 are counted.", "state"},
		{"jobs_oldest_due_seconds", "For how long the job that has been due for longest is due, of the queues that a worker works on; 0 if none is.", ""},
		{"partitions_end_timestamp_seconds", "Until when there is a partition for each month, in Unix time.", ""},
		{"proof_checkpoint_timestamp_seconds", "When the newest checkpoint of the transparency log was signed, in Unix time; absent if there is none.", ""},
		{"proof_failing_copies", "Places that the newest checkpoint could not be copied to.", ""},
		{"proof_leaves", "Leaves of the transparency log.", ""},
		{"proof_oldest_pending_seconds", "For how long what has been waiting for longest to be sealed has been recorded; 0 if nothing waits.", ""},
		{"proof_pending", "Transactions whose leaves aren't sealed yet. Up to 1,000 are counted.", ""},
		{"quarantine_messages", "Messages in the quarantine. Up to 1,000 are counted.", ""},
		{"reactors_oldest_due_seconds", "For how long the run that has been due for longest is due, those of paused rules left out; 0 if none is.", ""},
		{"reactors_pending_runs", "Runs of rules that haven't ended, those to come among them. Up to 1,000 are counted.", ""},
		{"reactors_slowed_spaces", "Spaces that are written to more slowly than usual, since Google refused a write for its quota in the last five minutes.", ""},
		{"rollups_fresh_timestamp_seconds", "All that was recorded before is in the rollups, in Unix time; absent before the first pass.", ""},
		{"subscriptions", "Subscriptions as the keeper last saw them: active, suspended, deleted, missing (wanted, and there is none), parked (a person has to mend something), foreign (nobody here asked for it). Absent while nobody keeps them.", "state"},
		{"subscriptions_listed_timestamp_seconds", "When the keeper of any replica last looked at all subscriptions, in Unix time; absent before the first time.", ""},
		{"subscriptions_nearest_expiry_timestamp_seconds", "When the first of the subscriptions will expire that are active or suspended, in Unix time; absent if there is none, and while nobody keeps them.", ""},
	}
}

// Value is one of a metric, such as of jobs in a state. What isn't known has none.
type Value struct {
	Metric string
	Label  string // "" if the metric has none
	Number float64
}

// Read reads all values. Times are Unix times in seconds. Google's clock says what is
// due of runs, as their times are by it, and the database's what is due of jobs.
func Read(ctx context.Context, db *store.Store) ([]Value, error) {
	rows, _ := db.Pool().Query(ctx, `
		WITH kept AS MATERIALIZED (
			-- A keeper is at work where a worker works on its queue, which says so every ten
			-- minutes. What it saw last is no state any more once it is off.
			SELECT name
			FROM river_queue
			WHERE name = 'keeper' AND updated_at > now() - interval '20 minutes'
		), wide AS MATERIALIZED (
			SELECT COALESCE(bool_or(source = 'live'), false) AS is_live, count(*) > 0 AS is_wanted
			FROM coverage
			WHERE to_time IS NULL AND (scope = 'spaces/-' OR scope LIKE 'customers/%' OR scope LIKE 'users/%')
		)
		SELECT v.metric, v.label, v.number::float8
		FROM (
			SELECT 'jobs' AS metric, s.state::text AS label, j.number
			FROM unnest(ARRAY['available', 'discarded', 'retryable', 'running', 'scheduled']::river_job_state[]) AS s (state)
			CROSS JOIN LATERAL (
				SELECT count(*) AS number
				FROM (
					SELECT
					FROM river_job
					WHERE state = s.state
					ORDER BY queue, priority, scheduled_at, id -- by its index, how few there may be
					LIMIT @counted_to
				) counted
			) j
			UNION ALL
			SELECT 'jobs_oldest_due_seconds', '', COALESCE(GREATEST(0, extract(epoch FROM clock_timestamp() - min(j.scheduled_at))), 0)
			FROM river_queue q
			CROSS JOIN unnest(ARRAY['available', 'retryable', 'scheduled']::river_job_state[]) AS s (state)
			CROSS JOIN LATERAL (
				SELECT scheduled_at
				FROM river_job
				WHERE state = s.state AND queue = q.name
				ORDER BY priority, scheduled_at, id
				LIMIT 1
			) j
			-- Who works on a queue says so every ten minutes. Nobody is late with others, as of a keeper that is off.
			WHERE q.updated_at > now() - interval '20 minutes'
			UNION ALL
			SELECT 'subscriptions', s.key, s.value::bigint
			FROM kept
			CROSS JOIN keeper_passes
			CROSS JOIN LATERAL json_each_text(states) s
			UNION ALL
			SELECT p.metric, '', extract(epoch FROM p.at)
			FROM keeper_passes
			LEFT JOIN kept ON true
			CROSS JOIN LATERAL (VALUES
				('subscriptions_listed_timestamp_seconds', listed_at),
				('subscriptions_nearest_expiry_timestamp_seconds', CASE WHEN kept.name IS NOT NULL THEN first_expiry END)
			) p (metric, at)
			UNION ALL
			SELECT 'coverage_gaps', s.state, count(g.state)
			FROM unnest(ARRAY['acknowledged', 'impossible', 'open', 'pending']) AS s (state)
			LEFT JOIN coverage_gaps g USING (state)
			WHERE s.state <> 'open' OR EXISTS (SELECT FROM kept)
			GROUP BY s.state
			UNION ALL
			SELECT 'events_last_timestamp_seconds', c.state, extract(epoch FROM max(n.event_time))
			FROM (
				SELECT space_id, max(event_time) AS event_time
				FROM (
					SELECT space_id, event_time
					FROM events
					ORDER BY event_time DESC
					LIMIT 100
				) newest
				GROUP BY space_id
			) n
			JOIN spaces p ON p.id = n.space_id
			CROSS JOIN wide w
			LEFT JOIN coverage o ON o.scope = p.space AND o.to_time IS NULL
			CROSS JOIN LATERAL (
				SELECT CASE
					WHEN (w.is_wanted OR o.source IS NOT NULL) AND NOT EXISTS (SELECT FROM kept) THEN 'unknown'
					WHEN w.is_live OR o.source = 'live' THEN 'live'
					WHEN w.is_wanted OR o.source = 'gap' THEN 'gap'
					ELSE 'unwatched'
				END AS state
			) c
			GROUP BY c.state
			UNION ALL
			SELECT 'quarantine_messages', '', count(*)
			FROM (
				SELECT
				FROM quarantine
				ORDER BY received_at DESC
				LIMIT @counted_to
			) q
			UNION ALL
			SELECT 'proof_leaves', '', size
			FROM proof_log
			UNION ALL
			SELECT 'proof_pending', '', count(*)
			FROM (
				SELECT
				FROM proof_pending
				LIMIT @counted_to
			) p
			UNION ALL
			SELECT 'proof_oldest_pending_seconds', '', COALESCE((
				SELECT GREATEST(0, extract(epoch FROM clock_timestamp() - added_at))
				FROM proof_pending
				ORDER BY id
				LIMIT 1
			), 0)
			UNION ALL
			SELECT 'proof_checkpoint_timestamp_seconds', '', extract(epoch FROM signed_at)
			FROM (
				SELECT signed_at
				FROM proof_checkpoints
				ORDER BY size DESC
				LIMIT 1
			) c
			UNION ALL
			-- A place that isn't configured any more isn't tried.
			SELECT 'proof_failing_copies', '', count(*)
			FROM proof_copies
			WHERE failing_since IS NOT NULL AND tried_at > now() - interval '10 minutes'
			UNION ALL
			-- The first month, from the present one on, that a table has no partition for.
			SELECT 'partitions_end_timestamp_seconds', '', extract(epoch FROM min(m.month) AT TIME ZONE 'UTC')
			FROM generate_series(
				date_trunc('month', @now::timestamptz AT TIME ZONE 'UTC'), @now AT TIME ZONE 'UTC' + interval '2 years', '1 month'
			) AS m (month)
			CROSS JOIN unnest(ARRAY['events', 'stored_messages']) AS t (name)
			WHERE to_regclass(t.name || to_char(m.month, '_YYYY_MM')) IS NULL
			UNION ALL
			SELECT 'rollups_fresh_timestamp_seconds', '', extract(epoch FROM NULLIF(refreshed_at, '-infinity'))
			FROM rollup_passes
			UNION ALL
			SELECT 'database_bytes', '', pg_database_size(current_database())
			UNION ALL
			SELECT 'reactors_pending_runs', '', count(*)
			FROM (
				SELECT
				FROM reactor_runs
				WHERE outcome IN ('pending', 'unclear')
				LIMIT @counted_to
			) r
			UNION ALL
			SELECT 'reactors_oldest_due_seconds', '', COALESCE(GREATEST(0, extract(epoch FROM @now - min(due_at))), 0)
			FROM reactor_runs
			WHERE outcome = 'pending' AND NOT held
			UNION ALL
			SELECT 'reactors_slowed_spaces', '', count(*)
			FROM write_slots
			WHERE refused_at > now() - interval '5 minutes'
		) v
		WHERE v.number IS NOT NULL`, pgx.NamedArgs{"now": db.Now().UTC(), "counted_to": countedTo})
	values, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Value])
	if err != nil {
		return nil, fmt.Errorf("read how the installation stands: %w", err)
	}
	return values, nil
}
