package analytics

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/plot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const hostileName = "=Team|<b>\x1b[2J\u202e`*\nx"

// example is a report with a number of each sort.
func example() Report {
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	r := Report{
		Version: SchemaVersion, Space: "spaces/S", SpaceName: hostileName, Since: "2026-11-01", Until: "2026-11-05",
		Days: []string{"2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"}, window: Window{day, day.AddDate(0, 0, 4)},
	}
	add := func(n Number, before measured) {
		n.Definition = n.Title + ", defined."
		n.compare(before)
		r.Numbers = append(r.Numbers, n)
	}
	all := Value(1)
	add(Number{Metric: "members", Section: "growth", Title: "Members", Unit: "people", Direction: "up", Value: 1234, Coverage: 1, Series: []Value{1200, unknown, 0, 1234}},
		measured{value: 1230, coverage: all})
	add(Number{Metric: "churn", Section: "growth", Title: "Churn", Unit: "ratio", Direction: "down", Denominates: "members", Value: .05, Coverage: .5, Partial: true},
		measured{value: .025, coverage: .5, partial: true})
	add(Number{Metric: "messages", Section: "activity", Title: "Messages", Unit: "messages", Direction: "context", Value: 10, Coverage: 1, Series: []Value{1, 2, 3, 4}},
		measured{value: 20, coverage: all})
	add(Number{Metric: "first_response_p50", Section: "conversations", Title: "Time to first response", Unit: "seconds", Direction: "down", Value: 3600, Coverage: 1},
		measured{value: 7260, coverage: all})
	add(Number{Metric: "unanswered", Section: "conversations", Title: "Unanswered", Unit: "threads", Direction: "down", Value: unknown, Coverage: 1}, measured{value: 1, coverage: all})
	add(Number{Metric: "coverage", Section: "health", Title: "Coverage", Unit: "ratio", Direction: "up", Value: .9, Coverage: .9, Series: []Value{1, 0, unknown, 1}},
		measured{value: 0, coverage: 0}) // nothing was watched before: zero is unknown
	add(Number{Metric: "quarantined", Section: "health", Title: "Quarantined", Unit: "messages", Direction: "down", Value: 0, Coverage: 1}, measured{value: 0, coverage: all})
	return r
}

func printed(t *testing.T, form string, o Options, paints bool) string {
	t.Helper()
	var out bytes.Buffer
	r := example()
	if err := r.Print(&cli.Env{Out: &out, Format: form, Paints: paints}, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(text []byte) error {
	*v = unknown
	if string(text) == "null" {
		return nil
	}
	return json.Unmarshal(text, (*float64)(v))
}

// README shows what stats prints and draws today of the report that testdata/readme.json
// holds: it is what "subscriber stats -o json" said of "subscriber demo --history 90d".
func TestReadme(t *testing.T) {
	t.Parallel()
	var r Report
	text, err := os.ReadFile(filepath.Join("testdata", "readme.json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Print(&cli.Env{Out: &out, Format: cli.Table}, Options{}); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "```\n"+r.heading()+"\n")
	shown, _, _ = strings.Cut(shown, "```")
	rest := out.String()
	for line := range strings.Lines(shown) {
		if line != "…\n" && found {
			_, rest, found = strings.Cut(rest, strings.TrimRight(line, "\n"))
		}
	}
	if !found || strings.Count(shown, "\n") < 10 {
		t.Errorf("README shows\n%s\nof\n%s", shown, out.String())
	}
	const file = "../../docs/people-active.svg"
	drawn := plot.File(r.pictures()[0].SVG)
	if *update {
		if err := os.WriteFile(file, drawn, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if svg, err := os.ReadFile(file); err != nil || !bytes.Equal(svg, drawn) || !strings.Contains(string(readme), "(docs/people-active.svg)") {
		t.Errorf("README shows another plot than stats --svg draws: -update draws it anew (%v)", err)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]string{"table": cli.Table, "markdown": Markdown, "json": cli.JSON, "csv": CSV} {
		var all string
		for _, o := range []Options{{}, {Compare: true, Explain: true}} {
			text := printed(t, form, o, false)
			if strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("a terminal would obey the %s:\n%q", name, text)
			}
			all += text + "\n"
		}
		file := filepath.Join("testdata", "stats-"+name+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(all), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), all); diff != "" {
			t.Errorf("%s (-want +got; -update rewrites it):\n%s", file, diff)
		}
	}
}

// Programs get plain numbers, and nothing or null for what nobody knows.
func TestPrintForPrograms(t *testing.T) {
	t.Parallel()
	records, err := csv.NewReader(strings.NewReader(printed(t, CSV, Options{}, false))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range records {
		got[r[0]] = strings.Join(r[8:], ",")
	}
	for metric, want := range map[string]string{
		"members":            "1234,0,0,1,false,1230,false,4,better",
		"churn":              "0.05,0,0,0.5,true,0.025,true,0.025,worse",
		"messages":           "10,0,0,1,false,20,false,-10,",
		"first_response_p50": "3600,0,0,1,false,7260,false,-3660,better",
		"unanswered":         ",0,0,1,false,1,false,,",
		"coverage":           "0.9,0,0,0.9,false,,false,,",
		"quarantined":        "0,0,0,1,false,0,false,0,same",
	} {
		if got[metric] != want {
			t.Errorf("%s: got %s, want %s", metric, got[metric], want)
		}
	}
	var document struct {
		Version int `json:"schema_version"`
		Metrics []struct {
			Metric string
			Value  *float64
			Before *float64
			Series []*float64
		}
	}
	if err := json.Unmarshal([]byte(printed(t, cli.JSON, Options{}, false)), &document); err != nil || document.Version != 1 {
		t.Fatalf("version %d: %v", document.Version, err)
	}
	if m := document.Metrics[4]; m.Value != nil || *m.Before != 1 {
		t.Errorf("%s is %v, and was %v", m.Metric, m.Value, m.Before)
	}
	if m := document.Metrics[0]; m.Series[1] != nil || *m.Series[2] != 0 {
		t.Errorf("the series of %s is %v", m.Metric, m.Series)
	}
}

// Colours are for terminals, and say nothing that words don't.
func TestPrintColours(t *testing.T) {
	t.Parallel()
	text := printed(t, cli.Table, Options{}, true)
	for _, want := range []string{"\x1b[32m+4 better\x1b[0m", "\x1b[31m+2.5 points worse\x1b[0m"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
}

// A long series is shown by the means of what is known of some days each.
func TestChunks(t *testing.T) {
	t.Parallel()
	var series []Value
	for i := range 56 {
		series = append(series, Value(i))
	}
	series[0], series[2], series[3] = unknown, unknown, unknown
	got := chunks(series)
	if len(got) != maxBlocks || got[0] != 1 || got[1] == got[1] || got[2] != 4.5 {
		t.Errorf("got %v", got)
	}
	if got := (Options{}).columns("", len(series))[4]; got != "BY 2 DAYS" {
		t.Errorf("over bars of two days it says %s", got)
	}
	if got := chunks(nil); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	if got := (&Number{Unit: "seconds", Change: -.01}).change(); got != "0" {
		t.Errorf("hardly a change: %q", got)
	}
}

// What wasn't watched is shaded, and not drawn as zero.
func TestPicturesShadeGaps(t *testing.T) {
	t.Parallel()
	r := example()
	for i := range r.Numbers {
		if r.Numbers[i].Metric == "messages" {
			r.Numbers[i].Series = []Value{3, unknown, 2, 0}
		}
	}
	for _, p := range r.pictures() {
		text := string(p.SVG)
		switch p.Name {
		case "messages":
			for want, times := range map[string]int{
				"2026-11-02: no data": 1, "2026-11-03: not fully watched": 1, "2026-11-02, people": 0, "2026-11-04, people: 0": 1,
			} {
				if strings.Count(text, want) != times {
					t.Errorf("%q is %d times in\n%s", want, strings.Count(text, want), text)
				}
			}
		case "people-active":
			if !strings.Contains(text, ">No data<") {
				t.Errorf("without numbers it is\n%s", text)
			}
		}
		if strings.Contains(text, "<b>") || strings.Contains(text, "\x1b") {
			t.Errorf("%s holds the space's name as it is", p.Name)
		}
	}
}
