package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Terraform itself, where it is installed: its format, and its own tests
// against the real provider's schema.
func TestTerraform(t *testing.T) {
	t.Parallel()
	run := terraform(t, ".")
	if out, err := run("fmt", "-check", "-diff", "-recursive"); err != nil {
		t.Errorf("terraform fmt: %v\n%s", err, out)
	}
	providers, err := filepath.Abs(filepath.Join(".terraform", "providers"))
	if err != nil {
		t.Fatal(err)
	}
	if cache := os.Getenv("TF_PLUGIN_CACHE_DIR"); cache != "" {
		providers = cache
	}
	if _, err := os.Stat(filepath.Join(providers, "registry.terraform.io", "hashicorp", "google")); err != nil {
		t.Skip("terraform is installed and its provider isn't: terraform -chdir=terraform init downloads it; validate and test were not run")
	}
	dir := copied(t)
	examples, err := filepath.Glob(filepath.Join(dir, "examples", "*"))
	if err != nil || len(examples) < 3 {
		t.Fatalf("examples: %v, %v", examples, err)
	}
	for _, example := range examples {
		run = terraform(t, example)
		if out, err := run("init", "-input=false", "-backend=false", "-plugin-dir="+providers); err != nil {
			t.Fatalf("terraform init of %s: %v\n%s", filepath.Base(example), err, out)
		}
		if out, err := run("validate"); err != nil {
			t.Errorf("terraform validate of %s: %v\n%s", filepath.Base(example), err, out)
		}
	}
	run = terraform(t, dir)
	for _, args := range [][]string{
		{"init", "-input=false", "-backend=false", "-plugin-dir=" + providers},
		{"validate"},
		{"test"},
	} {
		if out, err := run(args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
}

// terraform runs the program in a folder.
func terraform(t *testing.T, dir string) func(args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform isn't installed")
	}
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = dir
		// The cache is named by -plugin-dir: Terraform doesn't install from a cache into itself.
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_PLUGIN_CACHE_DIR=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// copied is a folder with this one's files, where init may leave its own.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, pattern := range []string{"*.tf", "bigquery/*.sql", "tests/*.tftest.hcl", "examples/*/*.tf"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			to := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// A set never equals a list, and which of them an attribute is changes with
// the provider: the tests make sets of both sides.
func TestComparedAsSets(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("tests", "module.tftest.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, condition := range regexp.MustCompile(`(?m)^\s*condition\s*= (.*)$`).FindAllStringSubmatch(string(text), -1) {
		for term := range strings.SplitSeq(condition[1], " && ") {
			if !regexp.MustCompile(` == (tolist|toset|\[)`).MatchString(term) {
				continue
			}
			compared++
			if !strings.HasPrefix(term, "toset(") || !strings.Contains(term, " == toset(") {
				t.Errorf("%s: compare toset(…) == toset(…)", term)
			}
		}
	}
	if compared < 2 {
		t.Fatalf("%d comparisons of lists are understood", compared)
	}
}
