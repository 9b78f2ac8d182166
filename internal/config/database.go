package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

// ConnString reads the files that the database settings name and returns the
// connection string to open, password included: don't log it.
func (d Database) ConnString() (string, error) {
	dsn := d.DSN
	if d.DSNFile != "" {
		var err error
		if dsn, err = readSecret(d.DSNFile); err != nil {
			return "", fmt.Errorf("read database.dsn_file: %w", err)
		}
	}
	if d.PasswordFile == "" {
		return dsn, nil
	}
	password, err := readSecret(d.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read database.password_file: %w", err)
	}
	return withPassword(dsn, password)
}

// String shows nothing of the DSN, which may hold a password in spite of all
// checks.
func (d Database) String() string {
	return fmt.Sprintf("dsn_file=%s password_file=%s max_conns=%d %s", d.DSNFile, d.PasswordFile, d.MaxConns, mask("dsn="+d.DSN))
}

// readSecret returns the content of a file without its last line break. It
// never puts the content into an error.
func readSecret(path string) (string, error) {
	raw, err := readfile.Regular(path, readfile.Secret)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(raw), "\r\n")
	switch {
	case secret == "":
		return "", fmt.Errorf("%s is empty", path)
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", fmt.Errorf("%s holds more than one line", path)
	}
	return secret, nil
}

func withPassword(dsn, password string) (string, error) {
	if !isURL(dsn) {
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
		return strings.TrimSpace(dsn + " password='" + quoted + "'"), nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("database.dsn is not a valid URL") // the parser's error quotes the DSN
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String(), nil
}

func isURL(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

var keywordPassword = regexp.MustCompile(`(?i)password\s*=`)

// hasPassword errs on the safe side: what can't be parsed may hide one.
func hasPassword(dsn string) bool {
	if keywordPassword.MatchString(dsn) {
		return true
	}
	if !isURL(dsn) {
		return false
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return strings.Contains(dsn, "@")
	}
	_, set := u.User.Password()
	return set || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") // of the user's part, cut off by a character of its own
}

var (
	maskUserinfo = regexp.MustCompile(`(://[^:/@\s]*):[^\s]*@`)
	maskKeyword  = regexp.MustCompile(`(?i)((?:password|passwd|passphrase|secret|token|dsn)["']?\s*[:=]\s*)\S.*`)
)

// mask hides a DSN, and what looks like a password, in a line of a file or a
// key with its value.
func mask(s string) string {
	return maskKeyword.ReplaceAllString(maskUserinfo.ReplaceAllString(s, "$1:REDACTED@"), "${1}REDACTED")
}
