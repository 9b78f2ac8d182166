package scale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/statements"
)

// big are the tables that grow with what happens. Those that grow with the
// number of spaces or rules only may be read whole.
var big = []string{
	"events", "stored_messages", "stored_revisions", "stored_memberships", "stored_membership_changes", "stored_reactions", "users", "names",
	"reactor_runs", "reactor_evaluations", "reactor_counts", "reactor_daily_counts", "reactor_records",
	"own_messages", "quarantine", "unfetched",
	"rollup_activity", "rollup_members", "rollup_summary", "rollup_hours", "rollup_emoji", "rollup_responses", "rollup_stays",
}

// minPages is how many pages a table has whose scan tells something: of a smaller
// one, or a partition without rows, Postgres had better read all.
const minPages = 8

// Complaint is a statement that reads a large table whole.
type Complaint struct {
	Statement statements.Statement
	Why       string
	Plan      string // as EXPLAIN prints it
}

func (c Complaint) String() string {
	return fmt.Sprintf("%s %s\n%s\n\n%s\n", c.Statement.Place, c.Why, strings.Trim(c.Statement.SQL, "\n"), c.Plan)
}

// source is where the program's statements are. Nobody runs those of the
// simulation on a large database; those of pruning and of erasing, which goes through
// some blocks of a table at a time, are made when they run. Filters
// of the lists of runs leave out what isn't asked for.
var source = statements.Options{
	Below: []string{"internal", "cmd/subscriber", "cmd/subscribe-setup"},
	Except: []string{
		"internal/simulate", "internal/store/storetest", "internal/demo", "internal/store/pruning/pruning.go",
		"internal/store/erasures/tables.go",
	},
	Return: map[string][]string{"where": {
		"true", "r.reactor = @reactor", "r.space = @space", "r.member = @member", "r.outcome = 'failed' AND r.outcome = @outcome",
	}},
}

// Statements are all that the program and its documents say to Postgres.
func Statements() ([]statements.Statement, error) {
	root, err := statements.Root()
	if err != nil {
		return nil, err
	}
	list, err := statements.Read(root, source)
	if err != nil {
		return nil, err
	}
	for _, r := range pruning.Rules() {
		list = append(list, statements.Statement{Place: "pruning of " + r.Table, SQL: r.Statement()})
	}
	shown, err := shownQueries(root)
	for _, s := range shown { // whose times may be all that there is, on the day of the benchmark
		s.SQL = regexp.MustCompile(`'20\d\d-[^']*'`).ReplaceAllString(s.SQL, "'2100-01-01'")
		list = append(list, s)
	}
	return list, err
}

// whole are tables that statements of files may read whole.
var whole = map[string][]string{
	// What spaces were called is asked once, for somebody who named none of now.
	"internal/analytics/spaces.go": {"names"},
	// Whom a query calls by a name is looked for among all names.
	"internal/audit/names.go": {"users", "stored_memberships"},
	// All about one person is everywhere, and asked for once in a while.
	"internal/audit/person.go": {"events", "reactor_runs", "stored_memberships", "stored_messages", "stored_reactions", "stored_revisions", "users"},
	// So it is when that is erased.
	"internal/store/erasures/erasures.go": {"stored_messages", "users"},
	// How much came in since tail looked, no plan can know.
	"internal/analytics/tail.go": {"users"},
	// In another zone all is of other days.
	"internal/store/analytics/rebuild.go": {
		"rollup_activity", "rollup_members", "rollup_hours", "rollup_summary", "rollup_emoji", "rollup_responses", "rollup_stays",
		"stored_memberships",
	},
	// Who wrote in a window are many of all people; who is a member on a day is known by all stays up to it.
	"analytics.metrics()":                   {"users", "rollup_stays", "reactor_runs"}, // of runs until one is found
	"internal/store/analytics/marks.go":     {"rollup_stays"},
	"internal/store/analytics/retention.go": {"rollup_stays", "users"},
	"internal/store/analytics/summary.go":   {"rollup_stays", "rollup_summary", "users"},
}

// insideAnalytics returns the statements in the functions of the schema analytics: a
// call doesn't show their plans.
func insideAnalytics(ctx context.Context, dsn string) (list []statements.Statement, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	rows, _ := conn.Query(ctx, `
		SELECT 'analytics.' || proname || '()', prosrc, proargnames[1:pronargs], proargtypes::regtype[]::text[]
		FROM pg_proc
		WHERE pronamespace = 'analytics'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql')`)
	var s statements.Statement
	var params, types []string
	_, err = pgx.ForEachRow(rows, []any{&s.Place, &s.SQL, &params, &types}, func() error {
		for one := range strings.SplitSeq(s.SQL, ";\n") {
			for i, name := range params {
				one = regexp.MustCompile(`(^|[^.\w])`+name+`\b`).ReplaceAllString(one, fmt.Sprintf("${1}$$%d::%s", i+1, types[i]))
			}
			list = append(list, statements.Statement{Place: s.Place, SQL: one})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the functions of the schema analytics: %w", err)
	}
	return list, nil
}

// shownQueries are those of the documents, each by what stands above it.
func shownQueries(root string) (list []statements.Statement, err error) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, fmt.Errorf("list the documents: %w", err)
	}
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		text, err := readfile.Regular(file, 1<<20)
		if err != nil {
			return nil, fmt.Errorf("read the queries that are shown: %w", err)
		}
		for _, block := range regexp.MustCompile("(?ms)(?:^([^\n]*)\n\n)?^```sql\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
			for query := range strings.SplitSeq(block[2], ";") {
				if strings.HasPrefix(strings.TrimSpace(regexp.MustCompile(`--.*`).ReplaceAllString(query, "")), "SELECT") {
					list = append(list, statements.Statement{Place: filepath.Base(file) + ": " + strings.TrimSuffix(block[1], ":"), SQL: query})
				}
			}
		}
	}
	return list, nil
}

// Plans asks Postgres for the plan of every statement, and complains of those
// that read a large table whole.
//
// After a few executions Postgres keeps a plan for any values, unless those for
// the values at hand are cheaper. Of a range it can't know how wide it is: so a
// statement whose plan for any values reads a table whole may do so, if that for
// likely values doesn't, and is cheaper.
func Plans(ctx context.Context, dsn string, list []statements.Statement) (complaints []Complaint, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	// Partitions that values rule out would not be shown.
	if _, err := conn.Exec(ctx, `SET enable_partition_pruning = off`); err != nil {
		return nil, fmt.Errorf("prepare to explain: %w", err)
	}
	relations, err := bigRelations(ctx, conn)
	if err != nil {
		return nil, err
	}
	var failed error
	for i, s := range list {
		file, _, _ := strings.Cut(s.Place, ":")
		large := maps.Clone(relations)
		maps.DeleteFunc(large, func(_, table string) bool { return slices.Contains(whole[file], table) })
		why, text, err := explain(ctx, conn, fmt.Sprint("s", i), s.SQL, large)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("explain %s: %w", s.Place, err))
		}
		if why != "" {
			complaints = append(complaints, Complaint{s, why, text})
		}
	}
	return complaints, failed
}

// bigRelations maps the large tables and partitions, and the indexes of both, to
// the name of the table.
func bigRelations(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, _ := conn.Query(ctx, `
		WITH tables AS (
			SELECT c.oid, c.relname, root.relname AS root
			FROM unnest($1::text[]) AS root (relname)
			LEFT JOIN pg_inherits i ON i.inhparent = root.relname::regclass
			JOIN pg_class c ON c.oid = COALESCE(i.inhrelid, root.relname::regclass)
			WHERE c.relpages >= $2
		)
		SELECT relname, root
		FROM tables
		UNION ALL
		-- An index of those with one value, such as what is pending, holds what is asked for.
		SELECT c.relname, t.root
		FROM tables t
		JOIN pg_index i ON i.indrelid = t.oid
		JOIN pg_class c ON c.oid = i.indexrelid
		WHERE c.relpages >= $2 AND (pg_get_expr(i.indpred, i.indrelid) LIKE '% = %') IS NOT TRUE`, big, minPages)
	relations, found := map[string]string{}, map[string]bool{}
	var name, root string
	if _, err := pgx.ForEachRow(rows, []any{&name, &root}, func() error {
		relations[name], found[root] = root, true
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the large tables: %w", err)
	}
	for _, name := range big {
		if !found[name] {
			return nil, fmt.Errorf("%s holds too little to tell how it is read", name)
		}
	}
	return relations, nil
}

// explain prepares a statement as pgx does, and says which large table it would
// read whole, by which plan.
func explain(ctx context.Context, conn *pgx.Conn, name, sql string, relations map[string]string) (why, text string, err error) {
	if sql, _, err = (pgx.NamedArgs{}).RewriteQuery(ctx, nil, sql, nil); err != nil {
		return "", "", err
	}
	prepared, err := conn.Prepare(ctx, name, sql)
	if err != nil {
		return "", "", err
	}
	any, err := planFor(ctx, conn, "force_generic_plan", execute(name, prepared.ParamOIDs, nil))
	if err != nil {
		return "", "", err
	}
	if why = any.complain(relations, false); why == "" {
		return "", "", nil
	}
	for _, at := range []string{"2000-01-01 00:00+00", "2100-01-01 00:00+00"} {
		likely, err := planFor(ctx, conn, "force_custom_plan", execute(name, prepared.ParamOIDs, &at))
		if err != nil {
			return "", "", err
		}
		if likely.Cost < any.Cost && likely.complain(relations, false) == "" {
			return "", "", nil
		}
	}
	if _, err := conn.Exec(ctx, "SET plan_cache_mode = force_generic_plan"); err != nil {
		return "", "", err
	}
	rows, _ := conn.Query(ctx, "EXPLAIN "+execute(name, prepared.ParamOIDs, nil), pgx.QueryExecModeSimpleProtocol)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return why, strings.Join(lines, "\n"), err
}

// execute is a call of a prepared statement with nulls, or with likely values
// and a time before or after all.
func execute(name string, types []uint32, at *string) string {
	if len(types) == 0 {
		return "EXECUTE " + name
	}
	values := make([]string, len(types))
	for i, oid := range types {
		switch {
		case at == nil:
			values[i] = "NULL"
		case oid == pgtype.TimestamptzOID:
			values[i] = "'" + *at + "'"
		case oid == pgtype.DateOID: // of two the later one is the end
			values[i] = fmt.Sprintf("'2026-11-%02d'", 10+i)
		default:
			values[i] = likely[oid]
		}
		if values[i] == "" {
			values[i] = "NULL"
		}
	}
	return fmt.Sprintf("EXECUTE %s(%s)", name, strings.Join(values, ", "))
}

// likely are values of types.
var likely = map[uint32]string{
	pgtype.BoolOID: "true", pgtype.Int2OID: "1", pgtype.Int4OID: "100", pgtype.Int8OID: "100", pgtype.TextOID: "'likely'",
	pgtype.UUIDOID: "'5fbb1ddc-a8c8-4a91-a1c7-0242ac120002'", pgtype.IntervalOID: "'1 hour'",
	pgtype.TextArrayOID: "'{1:1:}'", // a snapshot, too
	pgtype.Int8ArrayOID: "'{100}'", pgtype.Int4ArrayOID: "'{100}'", pgtype.Int2ArrayOID: "'{5}'", pgtype.DateArrayOID: "'{2026-11-19}'",
	pgtype.QCharOID: "'l'", pgtype.JSONOID: "'{}'", pgtype.JSONBOID: "'{}'",
}

// planFor is the plan of a call in a mode of plan_cache_mode.
func planFor(ctx context.Context, conn *pgx.Conn, mode, call string) (plan, error) {
	if _, err := conn.Exec(ctx, "SET plan_cache_mode = "+mode); err != nil {
		return plan{}, err
	}
	return explained(ctx, conn, "FORMAT JSON", call)
}

func explained(ctx context.Context, conn *pgx.Conn, options, sql string) (plan, error) {
	var raw []byte
	var all []struct{ Plan plan }
	err := conn.QueryRow(ctx, "EXPLAIN ("+options+") "+sql, pgx.QueryExecModeSimpleProtocol).Scan(&raw)
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return plan{}, err
	}
	return all[0].Plan, nil
}

// plan is a node of a plan.
type plan struct {
	Type       string  `json:"Node Type"`
	Relation   string  `json:"Relation Name"`
	Index      string  `json:"Index Name"`
	IndexCond  string  `json:"Index Cond"`
	Filter     string  `json:"Filter"`
	Parent     string  `json:"Parent Relationship"`
	Cost       float64 `json:"Total Cost"`
	SharedHit  int64   `json:"Shared Hit Blocks"`
	SharedRead int64   `json:"Shared Read Blocks"`
	Plans      []plan  `json:"Plans"`
}

// complain says which large table a plan reads whole; "" for none. Whoever reads
// from an index without a condition, and only until there are enough, doesn't.
func (p *plan) complain(relations map[string]string, limited bool) string {
	switch p.Type {
	case "Seq Scan", "Sample Scan":
		if table := relations[p.Relation]; table != "" {
			return "reads " + table + " whole"
		}
	case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
		if table := relations[p.Index]; table != "" && p.IndexCond == "" && (!limited || p.Filter != "") {
			return "reads " + table + " whole, by " + p.Index
		}
	}
	for i := range p.Plans {
		child := &p.Plans[i]
		if why := child.complain(relations, p.limits(child, limited)); why != "" {
			return why
		}
	}
	return ""
}

// limits reports whether a node stops reading a child once it has enough.
func (p *plan) limits(child *plan, limited bool) bool {
	switch p.Type {
	case "Limit":
		return true
	case "Append", "Merge Append", "LockRows", "Subquery Scan", "Result", "Unique", "Incremental Sort", "ProjectSet", "Memoize":
		return limited
	case "Nested Loop":
		return limited && child.Parent == "Outer"
	}
	return false
}
