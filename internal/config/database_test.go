package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

func secretFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConnStringCarriesThePassword(t *testing.T) {
	t.Parallel()
	const password = `p'w\ d:@/?#%`
	file := secretFile(t, password+"\n")
	for name, db := range map[string]config.Database{
		"url":             {DSN: "postgres://app@db.example:5433/space?sslmode=disable", PasswordFile: file},
		"keywords":        {DSN: "host=db.example port=5433 user=app dbname=space sslmode=disable", PasswordFile: file},
		"dsn from a file": {DSNFile: secretFile(t, "postgres://app:other@db.example:5433/space?sslmode=disable\r\n"), PasswordFile: file},
		"all in dsn_file": {DSNFile: secretFile(t, `host=db.example port=5433 user=app dbname=space sslmode=disable password='p\'w\\ d:@/?#%'`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, err := db.ConnString()
			if err != nil {
				t.Fatal(err)
			}
			got, err := pgconn.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			if got.Host != "db.example" || got.Port != 5433 || got.User != "app" || got.Database != "space" || got.Password != password {
				t.Errorf("got %s@%s:%d/%s with password %q", got.User, got.Host, got.Port, got.Database, got.Password)
			}
		})
	}
}

func TestConnStringErrors(t *testing.T) {
	t.Parallel()
	for name, db := range map[string]config.Database{
		"absent":        {DSN: "host=db", PasswordFile: "testdata/absent"},
		"empty":         {DSN: "host=db", PasswordFile: secretFile(t, "\n")},
		"several lines": {DSN: "host=db", PasswordFile: secretFile(t, "hunter2\nhunter3\n")},
		"bad URL":       {DSNFile: secretFile(t, "postgres://app:hunter2@db:port/x"), PasswordFile: secretFile(t, "hunter2")},
		"absent DSN":    {DSNFile: "testdata/absent"},
	} {
		if got, err := db.ConnString(); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		} else if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestStringHidesPasswords(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://app:hunter2@db/space",
		"postgres://app:hun@ter2@db/space",
		"postgres://app@db/space?password=hunter2&x=1",
		"host=db password=hunter2 user=app",
		"host=db password = 'hunter2 b' user=app",
		"host=db PASSWORD=hunter2",
		"postgres://app:hun ter2@db/space",
		"postgres://app:12/ter2@db/space?x",
	} {
		cfg := config.Default()
		cfg.Database.DSN = dsn
		for _, got := range []string{cfg.String(), cfg.Database.String()} {
			if strings.Contains(got, "ter2") || !strings.Contains(got, "REDACTED") {
				t.Errorf("%q is shown as\n%s", dsn, got)
			}
		}
		if err := cfg.Validate(); err == nil || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%q: got error %v, want a refusal without the secret", dsn, err)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]bool{
		"http://127.0.0.1:8080":        true,
		"http://127.9.9.9":             true,
		"http://localhost:1/":          true,
		"http://[::1]:1":               true,
		"http://[::ffff:127.0.0.1]:1":  true,
		"https://chat.googleapis.com":  false,
		"http://localhost.example.com": false,
		"http://127.0.0.1.example.com": false,
		"http://10.0.0.1":              false,
		"":                             false,
		"127.0.0.1:80":                 false,
	} {
		if got := config.IsLoopback(endpoint); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", endpoint, got, want)
		}
	}
}
