package analytics

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// everyKind is an object with a column of each kind, and rows that are hard to write.
const everyKind = `
	CREATE VIEW analytics.every_kind AS
	SELECT * FROM (VALUES
		('plain'::text, true, 1::smallint, 2.5::double precision, '2026-10-25 00:30:00.25+00'::timestamptz, '2026-10-25'::date, '{1,2}'::int[], 1.25::numeric),
		('', false, -7, -0.000001, '1999-12-31 23:59:59+00', '1999-12-31', '{}', NULL),
		(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
		(E'=1+1,"x"\n', NULL, NULL, 'NaN', 'infinity', '-infinity', NULL, 'NaN'),
		(E'a\x1b[2J\u009b\u202eb', NULL, NULL, NULL, NULL, NULL, NULL, NULL)
	) AS v (name, flag, count, ratio, happened_at, day, list, amount)`

func exported(t *testing.T, env *storetest.Env, r Request) string {
	t.Helper()
	var out bytes.Buffer
	rows, err := Export(t.Context(), env.Store, r, &out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Format == "jsonl" && int(rows) != strings.Count(out.String(), "\n") {
		t.Errorf("it counts %d rows of\n%s", rows, &out)
	}
	return out.String()
}

func newExport(t *testing.T) *storetest.Env {
	t.Helper()
	env := storetest.New(t, storetest.Options{})
	if _, err := env.Pool().Exec(t.Context(), everyKind); err != nil {
		t.Fatal(err)
	}
	return env
}

func TestExportForms(t *testing.T) {
	t.Parallel()
	env := newExport(t)
	const asCSV = "name,flag,count,ratio,happened_at,day,list,amount\n" +
		`plain,true,1,2.5,2026-10-25T00:30:00.25Z,2026-10-25,"[1,2]",1.25` + "\n" +
		`"",false,-7,-0.000001,1999-12-31T23:59:59Z,1999-12-31,[],` + "\n" +
		",,,,,,,\n" +
		`"'=1+1,""x""` + "\n\",,,,,,,\n" +
		"\"a [2J  b\",,,,,,,\n"
	got := exported(t, env, Request{Object: "every_kind", Format: "csv"})
	if diff := cmp.Diff(asCSV, got); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
	if records, err := csv.NewReader(strings.NewReader(got)).ReadAll(); err != nil || len(records) != 6 {
		t.Errorf("it reads back as %d records: %v", len(records), err)
	}
	var names []any
	for line := range strings.Lines(exported(t, env, Request{Object: "every_kind", Format: "jsonl"})) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if names = append(names, row["name"]); len(names) == 1 {
			want := map[string]any{
				"name": "plain", "flag": true, "count": 1., "ratio": 2.5, "happened_at": "2026-10-25T00:30:00.25Z", "day": "2026-10-25",
				"list": []any{1., 2.}, "amount": 1.25,
			}
			if diff := cmp.Diff(want, row); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		}
		if strings.ContainsAny(line, "\x1b\u009b\u202e") {
			t.Errorf("a terminal would obey %q", line)
		}
		if !strings.HasPrefix(line, `{"name":`) || !strings.Contains(line, `,"flag":`) {
			t.Errorf("the columns stand in another order: %s", line)
		}
	}
	want := []any{"plain", "", nil, "=1+1,\"x\"\n", "a\x1b[2J\u009b\u202eb"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestExportParquet(t *testing.T) {
	t.Parallel()
	env := newExport(t)
	text := exported(t, env, Request{Object: "every_kind", Format: "parquet"})
	f, err := parquet.OpenFile(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	const schema = `message row {
	optional binary name (STRING);
	optional boolean flag;
	optional int64 count (INT(64,true));
	optional double ratio;
	optional int64 happened_at (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	optional int32 day (DATE);
	optional binary list (JSON);
	optional double amount;
}`
	if diff := cmp.Diff(schema, f.Schema().String()); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	rows := make([]parquet.Row, 10)
	n, err := parquet.NewReader(strings.NewReader(text)).ReadRows(rows)
	if err != nil && !errors.Is(err, io.EOF) || n != 5 {
		t.Fatalf("%d rows: %v", n, err)
	}
	at := time.Date(2026, 10, 25, 0, 30, 0, 250e6, time.UTC)
	if got := rows[0][4].Int64(); got != at.UnixMicro() {
		t.Errorf("happened_at is %d, want %d", got, at.UnixMicro())
	}
	if got := time.Unix(int64(rows[1][5].Int32())*86400, 0).UTC().Format(time.DateOnly); got != "1999-12-31" {
		t.Errorf("day is %s", got)
	}
	if rows[1][0].IsNull() || rows[1][0].String() != "" || !rows[2][0].IsNull() || rows[3][0].String() != "=1+1,\"x\"\n" {
		t.Errorf("names are %v, %v, %v", rows[1][0], rows[2][0], rows[3][0])
	}
	if !rows[3][4].IsNull() || !rows[3][5].IsNull() {
		t.Errorf("what is infinite is %v and %v", rows[3][4], rows[3][5])
	}
}

// However many rows there are, they are written in pieces of the same size.
func TestExportIsBounded(t *testing.T) {
	t.Parallel()
	env := newExport(t)
	if _, err := env.Pool().Exec(t.Context(), `
		CREATE VIEW analytics.many AS
		SELECT n, repeat('x', 1000 + n % 7) AS text FROM generate_series(1, 40000) AS n`); err != nil {
		t.Fatal(err)
	}
	for _, format := range Formats() {
		var sizes largest
		rows, err := Export(t.Context(), env.Store, Request{Object: "many", Format: format}, &sizes)
		if err != nil || rows != 40_000 || sizes.most > 2*flushAt && format != "parquet" {
			t.Errorf("%s: %d rows, up to %d bytes at once: %v", format, rows, sizes.most, err)
		}
		if format == "parquet" {
			f, err := parquet.OpenFile(bytes.NewReader(sizes.all.Bytes()), int64(sizes.all.Len()))
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range f.RowGroups() {
				if g.NumRows() > groupBytes/1000+2*rowsAtOnce {
					t.Errorf("a row group has %d rows", g.NumRows())
				}
			}
			if len(f.RowGroups()) < 4 || f.NumRows() != 40_000 {
				t.Errorf("%d rows in %d groups", f.NumRows(), len(f.RowGroups()))
			}
		}
	}
}

type largest struct {
	all  bytes.Buffer
	most int
}

func (l *largest) Write(p []byte) (int, error) {
	l.most = max(l.most, len(p))
	return l.all.Write(p)
}

// Times and spaces leave what belongs to them: a row that lasts, if any of it does; a
// day of the reporting zone, if any of it does.
func TestExportOf(t *testing.T) {
	t.Parallel()
	env := newExport(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for i, space := range []string{"spaces/A", "spaces/A", "spaces/B"} {
		at := now.Add(time.Duration(i) * day)
		storetest.Record(t, env,
			storetest.Live(fmt.Sprint("m", i), at, storetest.Message(events.VerbCreated, fmt.Sprint(space, "/messages/M", i), "users/U", "x", at, at)),
			storetest.Live(fmt.Sprint("j", i), at, storetest.Membership(events.VerbCreated, space, fmt.Sprint("users/", i), events.MembershipJoined)))
	}
	leave := now.Add(2 * day)
	storetest.Record(t, env, storetest.Live("l", leave, storetest.Membership(events.VerbDeleted, "spaces/A", "users/0", "")))
	for _, test := range []struct {
		r    Request
		want string
	}{
		{Request{Object: "fct_messages"}, "M0 M1 M2"},
		{Request{Object: "fct_messages", Space: "spaces/A"}, "M0 M1"},
		{Request{Object: "fct_messages", Since: now.Add(day)}, "M1 M2"},
		{Request{Object: "fct_messages", Since: now.Add(day), Until: now.Add(2 * day)}, "M1"},
		{Request{Object: "fct_memberships", Since: now.Add(2*day + time.Microsecond)}, "1 2"},
		{Request{Object: "fct_memberships", Until: now.Add(day)}, "0"},
		{Request{Object: "fct_memberships", Since: now.Add(day), Until: now.Add(day + time.Microsecond), Space: "spaces/A"}, "0 1"},
		{Request{Object: "dim_dates", Since: now.Add(5 * time.Hour), Until: now.Add(day - time.Hour)}, "2026-11-20 2026-11-21"},
		{Request{Object: "dim_dates", Since: now.Add(5 * time.Hour), Until: now.Add(12 * time.Hour)}, "2026-11-20"},
	} {
		test.r.Format = "jsonl"
		var got []string
		for line := range strings.Lines(exported(t, env, test.r)) {
			var row struct {
				MessageID string `json:"message_id"`
				MemberID  string `json:"member_id"`
				Date      string `json:"activity_date"`
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			switch {
			case row.MessageID != "":
				got = append(got, row.MessageID[strings.LastIndex(row.MessageID, "/")+1:])
			case row.MemberID != "":
				got = append(got, strings.TrimPrefix(row.MemberID, "users/"))
			default:
				got = append(got, row.Date)
			}
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.r, got, test.want)
		}
	}
	for want, r := range map[string]Request{
		`there is no "fct_mesages" in the schema analytics: did you mean fct_messages?`: {Object: "fct_mesages"},
		`there is no "pg_class" in the schema analytics, but `:                          {Object: "pg_class"},
		"dim_members has no times: leave out --since and --until":                       {Object: "dim_members", Since: now},
		"dim_members is not divided by space: leave out --space":                        {Object: "dim_members", Space: "spaces/A"},
	} {
		r.Format = "csv"
		_, err := Export(t.Context(), env.Store, r, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", r, err, want)
		}
	}
}

// A file is there when it is whole, and not before; one of before stays when writing fails.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "a.csv")
	read := func() string {
		text, _ := os.ReadFile(name)
		list, err := os.ReadDir(dir)
		if err != nil || len(list) > 1 {
			t.Errorf("%d files: %v", len(list), err)
		}
		return string(text)
	}
	broken := errors.New("the database went away")
	write := func(text string, err error) error {
		return WriteFile(name, func(w io.Writer) error {
			fmt.Fprint(w, text)
			return err
		})
	}
	if err := write("half", broken); !errors.Is(err, broken) || read() != "" {
		t.Errorf("got %v, and the file holds %q", err, read())
	}
	if err := write("whole", nil); err != nil || read() != "whole" {
		t.Errorf("got %v, and the file holds %q", err, read())
	}
	if err := write("half", broken); !errors.Is(err, broken) || read() != "whole" {
		t.Errorf("got %v, and the file holds %q", err, read())
	}
	if err := WriteFile(dir, nil); err == nil || !strings.Contains(err.Error(), "it is there, and no file") {
		t.Errorf("a folder: %v", err)
	}
}

// A spreadsheet calculates a formula after spaces, too, whatever sort they are of.
func TestNoFormula(t *testing.T) {
	t.Parallel()
	for text, formula := range map[string]bool{
		"=1": true, " =1": true, "\u00a0+1": true, "\u200b-1": true, "\u200d@a": true, "\x1b=1": true, "＝1": true, "\t1": true, "\n=1": true,
		"1=1": false, " 1": false, "\u200b": false, "a@b": false,
	} {
		if got := string(AppendCSVText(nil, []byte(text))); strings.HasPrefix(got, `"'`) != formula {
			t.Errorf("%q becomes %s", text, got)
		}
	}
}
