package statements

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes a module of one package.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// However a statement is put together, it is found whole, with all that it may be.
func TestRead(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{
		"a/constants.go": "package a\n\nconst columns = `x, y`\n\nconst most = 3\n\nconst head = `SELECT z`\n\n" +
			"const (\n\tof = `SELECT u`\n\tall = `SELECT v`\n)\n",
		"a/a.go": "package a\n\nimport \"fmt\"\n\n" +
			"func plain() { query(`SELECT 1`) }\n" +
			"func joined() { query(`SELECT ` + columns + ` FROM t`) }\n" +
			"func begun() { query(head + ` FROM t`) }\n" +
			"func whole() { query(head) }\n" +
			"func varied(which bool) {\n\tfrom := of\n\tif which {\n\t\tfrom = all\n\t}\n\tquery(`WITH a AS (` + from + `) SELECT x FROM a`)\n}\n" +
			"func returned() { query(`UPDATE t SET x = ` + longer(\"$1\")) }\n" +
			"func longer(param string) string { return fmt.Sprintf(`CASE WHEN y < %d THEN %s END`, most, param) }\n" +
			"func either(which bool) {\n\tlock := ``\n\tif which {\n\t\tlock = `FOR UPDATE`\n\t}\n\tquery(`SELECT v FROM t ` + lock)\n}\n" +
			"func ranged() {\n\tfor _, end := range []string{`a`, `b`} {\n\t\tquery(`DELETE FROM ` + end)\n\t}\n}\n" +
			"func (x *X) Page(condition string) { query(`WITH w AS (SELECT 2) SELECT x FROM w WHERE ` + condition) }\n" +
			"func filtered(f F) { query(`SELECT x FROM t WHERE ` + f.where()) }\n" +
			"func other(x string) { query(`SELECT w FROM ` + x) }\nfunc called() { other(`t`) }\n" +
			"func no() { fail(`SELECT on the table is missing`, `SELECT x FROM t ORDER BY y DESC shows them`, `SELECT reload(); a.md says why`, `with care`) }\n",
		"b/b.go":      "package b\n\nfunc calls(x *a.X) {\n\tx.Page(`true`)\n\tx.Page(`false`)\n\tother(unknown)\n}\n",
		"b/b_test.go": "package b\n\nfunc test() { query(`SELECT 'test'`) }\n",
		"c/c.go":      "package c\n\nfunc left() { query(`SELECT 'left out'`) }\n",
	})
	list, err := Read(root, Options{Below: []string{"."}, Except: []string{"c"}, Return: map[string][]string{"where": {`x`, `y`}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, s.Place+" "+s.SQL)
	}
	want := []string{
		"a/a.go:5 SELECT 1",
		"a/a.go:6 SELECT x, y FROM t",
		"a/a.go:7 SELECT z FROM t",
		"a/a.go:8 SELECT z",
		"a/a.go:14 WITH a AS (SELECT u) SELECT x FROM a",
		"a/a.go:14 WITH a AS (SELECT v) SELECT x FROM a",
		"a/a.go:16 UPDATE t SET x = CASE WHEN y < 3 THEN $1 END",
		"a/a.go:23 SELECT v FROM t ",
		"a/a.go:23 SELECT v FROM t FOR UPDATE",
		"a/a.go:27 DELETE FROM a",
		"a/a.go:27 DELETE FROM b",
		"a/a.go:30 WITH w AS (SELECT 2) SELECT x FROM w WHERE false",
		"a/a.go:30 WITH w AS (SELECT 2) SELECT x FROM w WHERE true",
		"a/a.go:31 SELECT x FROM t WHERE x",
		"a/a.go:31 SELECT x FROM t WHERE y",
		"a/a.go:32 SELECT w FROM t",
	}
	byPlace := cmp.Transformer("sorted", func(in []string) map[string]bool {
		set := map[string]bool{}
		for _, s := range in {
			set[s] = true
		}
		return set
	})
	if diff := cmp.Diff(want, got, byPlace); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What can't be put together is said, and where it stands.
func TestUnknownText(t *testing.T) {
	t.Parallel()
	for why, body := range map[string]string{
		"a part of the text is unknown": "query(`SELECT x FROM ` + r.table)",
		"nobody says what table is":     "query(`SELECT x FROM ` + table)",
		"what made returns is unknown":  "query(`SELECT x FROM ` + made(1))",
		"nobody calls f":                "query(`SELECT x FROM ` + param)",
	} {
		root := write(t, map[string]string{"a.go": fmt.Sprintf("package a\n\nfunc f(param string) {\n\t%s\n}\n", body)})
		_, err := Read(root, Options{Below: []string{"."}})
		if err == nil || !strings.Contains(err.Error(), "a.go:4: "+why) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}
