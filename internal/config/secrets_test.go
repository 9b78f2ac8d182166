//go:build unix

package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPublicSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("linked", "canary", 0o644), link); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		cfg  Config
		want []SecretFile
	}{
		"none":          {Config{}, nil},
		"owner's":       {Config{Database: Database{PasswordFile: write("a", "canary", 0o600)}}, nil},
		"group's":       {Config{Database: Database{PasswordFile: write("b", "canary", 0o640)}}, nil},
		"everybody's":   {Config{Database: Database{PasswordFile: write("c", "canary", 0o644)}}, []SecretFile{{"database.password_file", filepath.Join(dir, "c")}}},
		"by a link":     {Config{Database: Database{DSNFile: link}}, []SecretFile{{"database.dsn_file", link}}},
		"missing":       {Config{Database: Database{DSNFile: filepath.Join(dir, "none")}}, nil},
		"key":           {Config{Auth: Auth{CredentialsFile: write("d", `{"type": "service_account"}`, 0o644)}}, []SecretFile{{"auth.credentials_file", filepath.Join(dir, "d")}}},
		"consent":       {Config{Auth: Auth{TokenFile: write("e", `{"type": "authorized_user"}`, 0o604)}}, []SecretFile{{"auth.token_file", filepath.Join(dir, "e")}}},
		"proof's":       {Config{Proof: Proof{KeyFile: write("h", "canary", 0o644)}}, []SecretFile{{"proof.key_file", filepath.Join(dir, "h")}}},
		"no secret":     {Config{Auth: Auth{CredentialsFile: write("f", `{"type": "external_account"}`, 0o644)}}, nil},
		"with a secret": {Config{Database: Database{DSNFile: write("g", "postgres://a:canary@b/c", 0o666)}}, []SecretFile{{"database.dsn_file", filepath.Join(dir, "g")}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.cfg.PublicSecrets()); diff != "" {
				t.Errorf("public secrets (-want +got):\n%s", diff)
			}
		})
	}
}
