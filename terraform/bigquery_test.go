package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate/workload"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) {
	// opencensus starts its worker when the Pub/Sub library is linked in.
	os.Exit(storetest.Main(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")))
}

// views of BigQuery, each after those that it reads.
var views = []string{"events", "dim_spaces", "fct_messages", "fct_reactions", "fct_membership_changes", "fct_memberships"}

// functions are those of BigQuery that the views use and Postgres lacks.
const functions = `
	CREATE SCHEMA bigquery;
	CREATE TABLE bigquery.chat_events (subscription_name text, message_id text, publish_time timestamptz, data text, attributes jsonb);
	CREATE FUNCTION bigquery.json_part(v jsonb, path text) RETURNS jsonb LANGUAGE sql RETURN jsonb_path_query_first(v, path::jsonpath);
	CREATE FUNCTION bigquery.json_text(v jsonb, path text) RETURNS text LANGUAGE sql RETURN bigquery.json_part(v, path) #>> '{}';
	CREATE FUNCTION bigquery.json_parts(v jsonb, path text) RETURNS jsonb[] LANGUAGE sql RETURN CASE
		WHEN jsonb_path_exists(v, path::jsonpath) THEN ARRAY(SELECT jsonb_path_query(v, (path || '[*]')::jsonpath)) END;
	CREATE FUNCTION bigquery.regexp_extract(t text, pattern text) RETURNS text LANGUAGE sql RETURN substring(t FROM pattern);
	CREATE FUNCTION bigquery.date(t timestamptz, zone text) RETURNS date LANGUAGE sql RETURN (t AT TIME ZONE zone)::date;
	CREATE FUNCTION bigquery.parse(t text) RETURNS jsonb LANGUAGE plpgsql AS
		'BEGIN RETURN t::jsonb; EXCEPTION WHEN OTHERS THEN RETURN NULL; END'`

// inPostgres is a view's SQL as Postgres says it.
var inPostgres = strings.NewReplacer("`", "", "JSON_VALUE(", "json_text(", "JSON_QUERY(", "json_part(", "JSON_QUERY_ARRAY(", "json_parts(",
	"SAFE.PARSE_JSON(", "parse(", "SAFE_CAST(", "CAST(", "AS TIMESTAMP)", "AS timestamptz)", "${zone}", "UTC", "${table}", "chat_events")

// The views tell what the schema analytics tells of the same events: single and in
// batches, delivered twice, late, edited, deleted, broken. BigQuery itself isn't asked.
func TestBigQueryViews(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	conn, err := pgx.Connect(t.Context(), env.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	for _, sql := range []string{functions, "SET search_path = bigquery, pg_catalog; SET timezone = 'UTC'"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("bigquery/*.sql")
	if err != nil || len(files) != len(views) {
		t.Fatalf("%q, %v: want %q", files, err, views)
	}
	for _, name := range views {
		text, err := os.ReadFile(filepath.Join("bigquery", name+".sql"))
		if err != nil {
			t.Fatal(err)
		}
		sql := regexp.MustCompile(`\$\{(\w+)\}`).ReplaceAllString(inPostgres.Replace(string(text)), "$1")
		if _, err := conn.Exec(t.Context(), "CREATE VIEW "+name+" AS "+sql); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, sql)
		}
	}
	var list []events.Delivery
	var rows [][]any
	from := workload.New(7, workload.Options{
		Spaces: 4, Users: 40, Start: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), Interval: 7 * time.Minute, Full: true,
	})
	for i := range 800 {
		m := from.Next()
		at, err := time.Parse(time.RFC3339Nano, m.Attributes["ce-time"])
		if err != nil {
			t.Fatal(err)
		}
		for copy := range 1 + i%10/9 {
			d := events.Delivery{
				MessageID: fmt.Sprint(i, "-", copy), Attributes: m.Attributes, Data: m.Data, OrderingKey: m.OrderingKey,
				Origin: events.OriginLive, PublishTime: at.Add(time.Second), ReceivedAt: at.Add(2 * time.Second),
			}
			d.Event, d.Malformed = events.Decode(m.Attributes, m.Data)
			list = append(list, d)
			rows = append(rows, []any{"s", d.MessageID, d.PublishTime, string(m.Data), m.Attributes})
		}
	}
	rows = append(rows, []any{"s", "broken", time.Now(), `{"message`, map[string]string{"ce-type": "google.workspace.chat.message.v1.created"}})
	slices.Reverse(rows) // order is nothing to go by
	storetest.Record(t, env, list...)
	if _, err := conn.CopyFrom(t.Context(), pgx.Identifier{"bigquery", "chat_events"},
		[]string{"subscription_name", "message_id", "publish_time", "data", "attributes"}, pgx.CopyFromRows(rows)); err != nil {
		t.Fatal(err)
	}
	for view, columns := range map[string]string{
		"dim_spaces": "space_id, display_name, space_type, is_threaded, first_seen_at, deleted_at",
		"fct_messages": "message_id, space_id, member_id, sender_type, sent_at, activity_date, thread_id, is_root, is_reply, edited_at, " +
			"deleted_at, deletion_class, characters, text",
		"fct_reactions":          "reaction_id, message_id, space_id, member_id, member_type, emoji, added_at, removed_at, is_present, activity_date",
		"fct_membership_changes": "space_id, member_id, member_type, changed_at, activity_date, change, role",
		"fct_memberships":        "space_id, member_id, member_type, joined_at, left_at, known_at",
	} {
		read := func(schema string) []string {
			t.Helper()
			found, _ := conn.Query(t.Context(), fmt.Sprintf(`SELECT row(%s)::text FROM %s.%s ORDER BY 1`, columns, schema, view))
			list, err := pgx.CollectRows(found, pgx.RowTo[string])
			if err != nil {
				t.Fatalf("%s: %v", view, err)
			}
			return list
		}
		want := read("analytics")
		if diff := cmp.Diff(want, read("bigquery")); diff != "" || len(want) < 4 {
			t.Errorf("%s: %d rows (-analytics +BigQuery):\n%.3000s", view, len(want), diff)
		}
	}
}
