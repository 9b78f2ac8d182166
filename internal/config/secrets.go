package config

import "github.com/spacekeeper/spacekeeper/internal/readfile"

// SecretFile is a file with a secret that a key names.
type SecretFile struct{ Key, Path string }

// PublicSecrets are those of the files with secrets that anybody on this
// machine may read. A workload identity's configuration holds none.
func (c Config) PublicSecrets() (public []SecretFile) {
	for _, f := range []SecretFile{
		{"auth.credentials_file", c.Auth.CredentialsFile},
		{"auth.token_file", c.Auth.TokenFile},
		{"database.dsn_file", c.Database.DSNFile},
		{"database.password_file", c.Database.PasswordFile},
		{"proof.key_file", c.Proof.KeyFile},
	} {
		if f.Path == "" || !readfile.IsPublic(f.Path) {
			continue
		}
		if found, err := readCredentials(f.Path); err == nil && found.Type == "external_account" {
			continue
		}
		public = append(public, f)
	}
	return public
}
