package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// install puts a fake server below root.
func install(t *testing.T, root, dir string, names ...string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(dir))
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBinariesPrefersPathThenNewest(t *testing.T) {
	t.Parallel()
	notOnPath := func(string) (string, error) { return "", errors.New("not on PATH") }
	tests := map[string]struct {
		goos      string
		installed []string
		onPath    string
		want      []string
	}{
		"debian, newest first": {
			goos:      "linux",
			installed: []string{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin"},
			want:      []string{"/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin"},
		},
		"path first, named once": {
			goos:      "linux",
			installed: []string{"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin"},
			onPath:    "/usr/lib/postgresql/15/bin",
			want:      []string{"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin"},
		},
		"homebrew before the unversioned one": {
			goos:      "darwin",
			installed: []string{"/opt/homebrew/opt/postgresql/bin", "/opt/homebrew/opt/postgresql@16/bin", "/usr/local/opt/postgresql@17/bin"},
			want:      []string{"/usr/local/opt/postgresql@17/bin", "/opt/homebrew/opt/postgresql@16/bin", "/opt/homebrew/opt/postgresql/bin"},
		},
		"postgres.app": {
			goos:      "darwin",
			installed: []string{"/Applications/Postgres.app/Contents/Versions/16/bin"},
			want:      []string{"/Applications/Postgres.app/Contents/Versions/16/bin"},
		},
		"windows": {
			goos:      "windows",
			installed: []string{"/Program Files/PostgreSQL/9/bin", "/Program Files/PostgreSQL/17/bin"},
			want:      []string{"/Program Files/PostgreSQL/17/bin", "/Program Files/PostgreSQL/9/bin"},
		},
		"another system's folder": {
			goos:      "darwin",
			installed: []string{"/usr/lib/postgresql/15/bin"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, dir := range test.installed {
				install(t, root, dir, "initdb", "postgres")
			}
			install(t, root, "/usr/lib/postgresql/99/bin", "psql") // a client is no server
			lookPath := notOnPath
			if test.onPath != "" {
				lookPath = func(name string) (string, error) { return filepath.Join(root, test.onPath, name), nil }
			}
			var got []string
			for _, dir := range binaries(lookPath, root, folders(test.goos)) {
				got = append(got, filepath.ToSlash(strings.TrimPrefix(dir, root)))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("binaries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExternal(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	if got := external(getenv); got != "" {
		t.Errorf("external = %q in an empty environment", got)
	}
	env["DATABASE_URL"] = "postgres://a"
	if got := external(getenv); got != "postgres://a" {
		t.Errorf("external = %q, want DATABASE_URL", got)
	}
	env["TEST_DATABASE_URL"] = "postgres://b"
	if got := external(getenv); got != "postgres://b" {
		t.Errorf("external = %q, want TEST_DATABASE_URL", got)
	}
}

func TestInstallHintNamesPackage(t *testing.T) {
	t.Parallel()
	for goos, want := range map[string]string{
		"linux":   "apt-get install postgresql",
		"darwin":  "brew install postgresql",
		"windows": "winget install PostgreSQL",
		"plan9":   "PostgreSQL server package",
	} {
		if got := installAdvice(goos); !strings.Contains(got, want) || !strings.Contains(got, "DATABASE_URL") {
			t.Errorf("installAdvice(%q) = %q, want %q in it", goos, got, want)
		}
	}
}

func TestWithSearchPath(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://h/db":            "postgres://h/db?search_path=a%2Cb",
		"postgresql:///db?host=/tmp": "postgresql:///db?host=/tmp&search_path=a%2Cb",
		"host=/tmp dbname=db":        "host=/tmp dbname=db search_path='a,b'",
	} {
		if got := WithSearchPath(dsn, "a,b"); got != want {
			t.Errorf("WithSearchPath(%q) = %q, want %q", dsn, got, want)
		}
	}
}
