package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	diffs "github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// dying is a context that ends after it was asked so often whether it has: whatever
// is done then is left as by a kill.
type dying struct {
	context.Context
	left atomic.Int64
}

func (d *dying) Err() error {
	if d.left.Add(-1) < 0 {
		return context.Canceled
	}
	return d.Context.Err()
}

// folder are the files of a folder.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		text, err := os.ReadFile(filepath.Join(dir, one.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[one.Name()] = string(text)
	}
	return files
}

// readManifest checks the sums of an export, and returns its manifest.
func readManifest(t *testing.T, files map[string]string) (m manifest) {
	t.Helper()
	if err := json.Unmarshal([]byte(files[manifestFile]), &m); err != nil {
		t.Fatalf("%v: %s", err, files[manifestFile])
	}
	for _, f := range m.Files {
		text := files[f.Name]
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text))); sum != f.SHA256 || int64(len(text)) != f.Bytes {
			t.Errorf("%s has other bytes than the manifest says", f.Name)
		}
	}
	if len(files) != len(m.Files)+1 {
		t.Errorf("%d files, and the manifest names %d", len(files), len(m.Files))
	}
	return m
}

// ids are those of the records in a file.
func ids(t *testing.T, name, text string) (list []string) {
	t.Helper()
	switch filepath.Ext(name) {
	case ".csv":
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || strings.Join(rows[0], ",") != strings.NewReplacer("\n", "", "\t", "", " ", "").Replace(columns) {
			t.Fatalf("%s begins with %q: %v", name, rows[0], err)
		}
		for _, row := range rows[1:] {
			list = append(list, row[0])
		}
	case ".parquet":
		rows, err := parquet.Read[struct {
			ID string `parquet:"record_id,optional"`
		}](bytes.NewReader([]byte(text)), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			list = append(list, row.ID)
		}
	default:
		for line := range strings.Lines(text) {
			var r struct {
				ID    string `json:"record_id"`
				Event struct {
					ID string `json:"id"`
				} `json:"event"`
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			list = append(list, r.ID+r.Event.ID)
		}
	}
	return list
}

// An export holds what a search finds, in each form; ended anywhere and called again it
// makes the same bytes.
func testExport(t *testing.T, s *storetest.Env, r *rand.Rand) {
	if _, err := proofs.New(s.Store).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	const asked = "created:2026-09-01..2026-11-20 -action:reaction.added"
	var want []string
	q, err := query.Parse(asked, at(2000))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all(t, s) {
		if q.Match(&one) {
			want = append(want, one.ID)
		}
	}
	for _, format := range []string{"csv", "jsonl", "parquet", asECS} {
		newExport := func(dir string) *export {
			x := &export{env: &cli.Env{Out: io.Discard, Err: io.Discard}, db: s.Store, dir: dir, partRecords: 40, pageRecords: 7}
			x.state.Format = format
			return x
		}
		whole := filepath.Join(t.TempDir(), "whole")
		if err := newExport(whole).run(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
		files := folder(t, whole)
		m := readManifest(t, files)
		var got []string
		for _, f := range m.Files {
			got = append(got, ids(t, f.Name, files[f.Name])...)
		}
		if diff := diffs.Diff(want, got); diff != "" || m.Records != len(want) || len(m.Files) < 4 || m.Proof.Leaves == 0 || len(m.Proof.Root) != 64 {
			t.Errorf("%s: %+v (-want +got):\n%s", format, m, diff)
		}
		if all := fmt.Sprint(files); strings.Contains(all, "elease") {
			t.Errorf("%s holds what messages say", format)
		}
		if format == "csv" {
			endings(t, newExport, files, asked, r)
		}
		if err := newExport(whole).run(t.Context(), asked); err == nil || !strings.Contains(err.Error(), "name an empty one") {
			t.Errorf("into a folder that has an export: %v", err)
		}
	}
}

// endings ends an export at random places, until one is through.
func endings(t *testing.T, newExport func(string) *export, want map[string]string, asked string, r *rand.Rand) {
	t.Helper()
	dir := t.TempDir()
	kills := 0
	for ; ; kills++ {
		d := &dying{Context: t.Context()}
		d.left.Store(r.Int64N(9))
		err := newExport(dir).run(d, asked)
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if _, begun := folder(t, dir)[stateFile]; begun {
			if err := newExport(dir).run(t.Context(), "created:today"); err == nil || !strings.Contains(err.Error(), `another export was ended, of "created:2026`) {
				t.Fatalf("another query in the folder of one that was ended: %v", err)
			}
		}
	}
	got := folder(t, dir)
	readManifest(t, got)
	// When each began is in its manifest.
	delete(want, manifestFile)
	delete(got, manifestFile)
	if diff := diffs.Diff(want, got); diff != "" || kills < 8 {
		t.Errorf("ended %d times (-whole +ended):\n%s", kills, diff)
	}
}

// An export of a person has all that is recorded about them, and a summary.
func testPerson(t *testing.T, s *storetest.Env) {
	exec(t, s, `UPDATE reactor_runs SET member = $1, facts = '{"text":"Welcome!"}'`, ann)
	dir := filepath.Join(t.TempDir(), "ann")
	if _, err := call(t, s, "export", "--user", "Ann", "--to", dir, "--reason", "request 7"); err != nil {
		t.Fatal(err)
	}
	files := folder(t, dir)
	m := readManifest(t, files)
	lines := map[string]int{}
	for name, text := range files {
		for line := range strings.Lines(text) {
			if lines[name]++; strings.HasSuffix(name, ".jsonl") && !json.Valid([]byte(line)) {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
	want := map[string]int{"names.jsonl": 1, "messages.jsonl": 1, "versions.jsonl": 2, "mentions.jsonl": 0, "reactions.jsonl": 1, "memberships.jsonl": 1, "runs.jsonl": 4, "events.jsonl": 10}
	for name, n := range want {
		if lines[name] != n {
			t.Errorf("%s has %d lines, want %d: %s", name, lines[name], n, files[name])
		}
		if row := fmt.Sprintf("| %s | ", name); !strings.Contains(files[summaryFile], row) {
			t.Errorf("the summary lacks %s: %s", name, files[summaryFile])
		}
	}
	if m.User != ann || !strings.Contains(files["versions.jsonl"], `hello\nworld`) || !strings.Contains(files["runs.jsonl"], "Welcome!") {
		t.Errorf("got %+v, %v", m, files)
	}
	told := storetest.Column(t, s, `SELECT concat_ws(' ', action, target, details ->> 'reason') FROM trail WHERE at > now() - interval '1 day' ORDER BY at`)
	if diff := diffs.Diff([]string{"export.started " + ann + " request 7", "export.finished " + ann + " request 7"}, told); diff != "" {
		t.Errorf("the trail (-want +got):\n%s", diff)
	}
	exec(t, s, `DELETE FROM trail WHERE action LIKE 'export.%' AND target = $1`, ann)
	for want, args := range map[string][]string{
		"--to is missing":                       {"export"},
		"leave out the query and --format":      {"export", "action:space.*", "--user", "Ann", "--to", dir},
		`--format "xml": want one of csv`:       {"export", "--to", dir, "--format", "xml"},
		`--user: nobody is called "Anne"`:       {"export", "--to", dir, "--user", "Anne"},
		"did you mean message.edited?":          {"export", "action:message.edted", "--to", dir},
		"there is something in this folder":     {"export", "--user", "Ann", "--to", dir},
		"make the folder for the export: mkdir": {"export", "--to", filepath.Join(dir, summaryFile, "x")},
	} {
		if _, err := call(t, s, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}
