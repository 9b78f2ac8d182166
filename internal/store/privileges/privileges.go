// Package privileges tells what the worker does with each table: whether its role
// may, and whether somebody's lock keeps it from that.
//
// It promises to change and to lock nothing, so that it answers when others wait.
// The caller checks the schema first. An error is about the database; a role that
// may not do enough is a [*store.SchemaError], which no retry mends.
package privileges

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Need is what a statement of ours or of River's does with a table or a view.
type Need struct {
	Relation, Privilege string
	Columns             string // "": all of them
}

// Of the log a delivery changes one thing: its copy of an event takes the place of one that a
// backfill fetched, or of a bare name. What happened, where and when stays as it was recorded.
const logColumns = "actor_id, message_id, origin, payload, payload_codec, publish_time, received_at, source_id"

// Needs lists all that the worker and the commands beside it do, apart from a
// rebuild of projections, which also deletes from those.
func Needs() []Need {
	var needs []Need
	for _, group := range []struct{ privileges, relations string }{
		{"SELECT", `erasures goose_db_version legal_holds river_migration schema_compatibility trail
			coverage_gaps coverage_intervals membership_intervals memberships`},
		{"SELECT INSERT", `events event_sources event_types names payload_dictionaries proof_checkpoints reactor_records`},
		{"SELECT INSERT UPDATE", `keeper_passes spaces stored_memberships stored_membership_changes stored_reactions stored_revisions users
			proof_copies proof_leaves proof_tiles worker_heartbeats`},
		{"SELECT INSERT UPDATE DELETE", `backfills coverage followed_spaces member_lists own_messages quarantine
			reactor_counts reactor_daily_counts reactor_evaluations reactor_runs reactor_schedules reactor_switches
			river_job river_leader river_queue silence_checks stored_messages subscription_states unapplied_events
			unfetched write_slots
			rollup_activity rollup_days rollup_emoji rollup_hours rollup_members rollup_responses rollup_retention
			rollup_stays rollup_summary`},
		{"SELECT INSERT DELETE", `proof_pending rollup_changes rollup_marks`},
		{"SELECT UPDATE", `proof_log reporting rollup_passes`},
		{"UPDATE", `projection_locks`}, // to lock it
	} {
		for _, relation := range strings.Fields(group.relations) {
			for _, privilege := range strings.Fields(group.privileges) {
				needs = append(needs, Need{relation, privilege, ""})
			}
		}
	}
	return append(needs, Need{"events", "UPDATE", logColumns})
}

// Missing lists what the role may not do of what it has to, table by table, for
// people: "INSERT, UPDATE on events".
func Missing(ctx context.Context, s *store.Store) ([]string, error) {
	needs := Needs()
	missing, err := store.List(ctx, s, pgx.RowTo[string], `
		SELECT string_agg(privilege, ', ' ORDER BY n) || ' on ' || relation
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS need (relation, privilege, columns, n)
		WHERE CASE columns
			WHEN '' THEN NOT has_table_privilege(to_regclass(relation)::oid, privilege)
			ELSE EXISTS (
				SELECT
				FROM unnest(string_to_array(columns, ', ')) AS c (name)
				WHERE NOT has_column_privilege(to_regclass(relation)::oid, c.name, privilege)
			)
			END
		GROUP BY relation
		UNION ALL
		SELECT 'USAGE on river_job_id_seq'
		WHERE NOT has_sequence_privilege(to_regclass('river_job_id_seq')::oid, 'USAGE')
		UNION ALL
		SELECT 'EXECUTE on make_partition'
		WHERE NOT has_function_privilege(to_regprocedure('make_partition(text, date)')::oid, 'EXECUTE')
		UNION ALL
		-- It adds partitions as its owner.
		SELECT 'the ownership of ' || c.relname || ' for ' || pg_get_userbyid(f.proowner) || ', who owns make_partition'
		FROM pg_proc f
		JOIN pg_class c ON c.oid IN ('events'::regclass, 'stored_messages'::regclass) AND NOT pg_has_role(f.proowner, c.relowner, 'USAGE')
		WHERE f.oid = to_regprocedure('make_partition(text, date)')
		UNION ALL
		SELECT 'CREATE on schema ' || n.nspname || ' for ' || pg_get_userbyid(f.proowner) || ', who owns make_partition'
		FROM pg_proc f
		JOIN pg_namespace n ON n.oid = f.pronamespace
		WHERE f.oid = to_regprocedure('make_partition(text, date)') AND NOT has_schema_privilege(f.proowner, n.oid, 'CREATE')
		ORDER BY 1`,
		store.Column(needs, func(n *Need) string { return n.Relation }), store.Column(needs, func(n *Need) string { return n.Privilege }),
		store.Column(needs, func(n *Need) string { return n.Columns }))
	if err != nil {
		return nil, fmt.Errorf("read the role's privileges: %w", err)
	}
	return missing, nil
}

// Check returns a [*store.SchemaError] if the role may not do all that it has to.
func Check(ctx context.Context, s *store.Store) error {
	missing, err := Missing(ctx, s)
	if err != nil || len(missing) == 0 {
		return err
	}
	in, err := s.Inspect(ctx)
	if err != nil {
		return err
	}
	return &store.SchemaError{Role: in.Role, Missing: missing}
}

// Lock keeps all others from writing to a table, or the worker from rows that it
// waits for.
type Lock struct {
	Table   string // or "rows that the worker waits for"
	Mode    string // in the words of pg_locks: "AccessExclusiveLock"; "a lock"
	Process int32  // that holds it, or waits for it while others wait behind it
}

func (l Lock) String() string {
	return fmt.Sprintf("the process %d of the database's server has %s on %s", l.Process, l.Mode, l.Table)
}

// Locks lists what keeps the worker from writing.
func Locks(ctx context.Context, s *store.Store) ([]Lock, error) {
	var written []string
	for _, n := range Needs() {
		if n.Privilege == "INSERT" {
			written = append(written, n.Relation)
		}
	}
	locks, err := store.List(ctx, s, pgx.RowToStructByPos[Lock], `
		SELECT DISTINCT t.name, l.mode, l.pid
		FROM unnest($1::text[]) AS t (name)
		JOIN pg_locks l ON l.relation = to_regclass(t.name)::oid AND l.locktype = 'relation'
		WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
		UNION
		SELECT 'rows that the worker waits for', 'a lock', b.pid
		FROM pg_stat_activity w
		CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS p (pid)
		JOIN pg_stat_activity b ON b.pid = p.pid
		WHERE w.datname = current_database() AND w.application_name = current_setting('application_name')
			AND w.wait_event IN ('transactionid', 'tuple') AND b.application_name <> w.application_name
		ORDER BY 1, 2, 3`, written)
	if err != nil {
		return nil, fmt.Errorf("look for locks: %w", err)
	}
	return locks, nil
}
