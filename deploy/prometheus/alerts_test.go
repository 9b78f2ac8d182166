// Package prometheus holds the alerts: its tests hold them against the metrics, their
// runbooks and real faults.
package prometheus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const runbooks = "../../docs/runbooks"

// rule is an alert or a recording as Prometheus reads it.
type rule struct {
	Alert, Record, Expr, For string
	Labels                   struct{ Severity string }
	Annotations              struct {
		Summary, Description string
		Runbook              string `yaml:"runbook_url"`
	}
}

func readRules(t *testing.T) (all []rule) {
	t.Helper()
	text, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// promtool runs Debian's promtool, which comes with prometheus.
func promtool(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool isn't installed (Debian: apt-get install prometheus): the expressions of the alerts are not tested")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return string(out), err
}

func TestRulesAreValid(t *testing.T) {
	t.Parallel()
	if out, err := promtool(t, "check", "rules", "--lint-fatal", "alerts.yaml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A worker that restarts every two minutes is told of, one of a few upgrades isn't. A
// database that a backfill made larger isn't one that outgrows its disk, unless it goes on.
func TestRestartsAndSteps(t *testing.T) {
	t.Parallel()
	rules, err := filepath.Abs("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.yaml")
	firing := func(minute int, alerts ...string) string {
		text := fmt.Sprintf("  - {expr: 'count by (alertname) (ALERTS{alertstate=\"firing\"})', eval_time: %dm, exp_samples: [", minute)
		for _, a := range alerts {
			text += fmt.Sprintf("{labels: '{alertname=%q}', value: 1},", a)
		}
		return text + "]}\n"
	}
	if err := os.WriteFile(file, []byte("rule_files: ["+rules+"]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n"+
		"  - {series: 'up{job=\"spacekeeper\",instance=\"a\"}', values: '1x400 "+strings.Repeat("0 1 ", 20)+"'}\n"+
		"  - {series: 'process_start_time_seconds{job=\"spacekeeper\",instance=\"a\"}', values: '1x200 2x4 3x4 4x190 "+restarts(20)+"'}\n"+
		"  - {series: 'spacekeeper_database_bytes{job=\"spacekeeper\"}', values: '1e9x30 1e9+1e8x20 3e9x180 3e9+1e8x150'}\n"+
		"  promql_expr_test:\n"+firing(125)+firing(180)+firing(212)+firing(375, "SpacekeeperDiskGrowth")+firing(420, "SpacekeeperDiskGrowth", "SpacekeeperWorkerDown")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := promtool(t, "test", "rules", file); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// restarts are the times at which a process begins that answers every other scrape.
func restarts(times int) (values string) {
	for n := range times {
		values += fmt.Sprintf("_ %d ", 10+n)
	}
	return values
}

// Every alert has a severity and a runbook that the list of runbooks shows with it;
// every runbook is that of an alert.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	index := read(t, filepath.Join(runbooks, "README.md"))
	wanted := []string{"README.md"}
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(r.Annotations.Runbook), ".md")
		wanted = append(wanted, name+".md")
		if !strings.HasPrefix(r.Alert, "Spacekeeper"+name) {
			t.Errorf("%s: its runbook is %s", r.Alert, r.Annotations.Runbook)
		}
		if r.Annotations.Summary == "" || r.Annotations.Description == "" {
			t.Errorf("%s doesn't say what is wrong and what follows", r.Alert)
		}
		row := regexp.MustCompile(`(?m)^\| \[` + name + `\]\(` + name + `\.md\) \| (.*?) \|`).FindStringSubmatch(index)
		if row == nil || !strings.Contains(row[1], r.Labels.Severity) || r.Labels.Severity == "" {
			t.Errorf("README.md of the runbooks has no row of %s with severity %q: %q", name, r.Labels.Severity, row)
		}
	}
	// The alerts find the workers by the name of the job.
	for _, path := range []string{filepath.Join(runbooks, "README.md"), "../kubernetes/README.md", "../compose/prometheus.yaml"} {
		if !strings.Contains(read(t, path), "job_name: spacekeeper\n") {
			t.Errorf("%s scrapes no job spacekeeper", path)
		}
	}
	files, err := filepath.Glob(runbooks + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	slices.Sort(wanted)
	if wanted = slices.Compact(wanted); !slices.Equal(files, wanted) {
		t.Errorf("docs/runbooks has %v, want %v", files, wanted)
	}
	for _, f := range files[1:] {
		if f == "README.md" {
			continue
		}
		text := read(t, filepath.Join(runbooks, f))
		for _, part := range []string{"# " + strings.TrimSuffix(f, ".md") + "\n", "**Means.** ", "**Harms.** ", "\n## Look\n", "\n## Mend\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q", f, part)
			}
		}
	}
}

// What a runbook says that the log says is what the worker logs.
func TestLoggedWords(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, pattern := range []string{"../../internal/*/*.go", "../../internal/*/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			source.WriteString(read(t, f))
		}
	}
	files, _ := filepath.Glob(runbooks + "/*.md")
	seen := 0
	for _, f := range files {
		for _, m := range regexp.MustCompile(`log (?:says|has) "([^"]+)"`).FindAllStringSubmatch(read(t, f), -1) {
			seen++
			if !strings.Contains(source.String(), `("`+m[1]+`"`) {
				t.Errorf("%s: nothing logs %q", filepath.Base(f), m[1])
			}
		}
	}
	if seen < 3 {
		t.Errorf("only %d log messages are named", seen)
	}
}

var metric = regexp.MustCompile(`\bspacekeeper_\w+`)

// Alerts and runbooks name metrics that docs/metrics.md lists.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	known := read(t, "../../docs/metrics.md")
	texts := map[string]string{"alerts.yaml": read(t, "alerts.yaml")}
	files, _ := filepath.Glob(runbooks + "/*.md")
	for _, f := range files {
		texts[filepath.Base(f)] = read(t, f)
	}
	for name, text := range texts {
		for _, m := range metric.FindAllString(text, -1) {
			if !strings.Contains(known, "`"+strings.TrimSuffix(m, "_bucket")+"`") && !regexp.MustCompile(`^spacekeeper_(owner|worker|reader)`).MatchString(m) {
				t.Errorf("%s: there is no metric %s", name, m)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
