package config

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

func (c *checker) auth() {
	a := c.cfg.Auth
	c.oneOf("auth.mode", a.Mode, AuthApp, AuthUser, AuthImpersonate)
	if a.CredentialsFile != "" {
		if err := checkServiceAccount(a.CredentialsFile); err != nil {
			c.add("auth.credentials_file", "auth.credentials_file can't be used: %v", err)
		}
	}
	if a.TokenFile != "" && (a.Mode == AuthUser || !isAuthMode(a.Mode)) {
		if err := checkConsent(a.TokenFile); err != nil {
			c.add("auth.token_file", "auth.token_file can't be used: %v", err)
		}
	}
	if a.Subject != "" && !isEmail(a.Subject) {
		c.add("auth.subject", "auth.subject must be a user's e-mail address, such as keeper@example.com")
	}
	c.goesWith("auth.token_file", a.TokenFile, AuthUser)
	c.goesWith("auth.subject", a.Subject, AuthImpersonate)
}

// goesWith reports a key that is missing in its mode, or set in another.
func (c *checker) goesWith(path, value, mode string) {
	switch actual := c.cfg.Auth.Mode; {
	case actual == mode && value == "" && !c.Wrong[path]:
		c.add(path, "%s is missing; auth.mode %s needs it (or set %s)", path, mode, field{path: path}.env())
	case isAuthMode(actual) && actual != mode && value != "":
		c.add(path, "%s is for auth.mode %s, and the mode is %s; take it out, or change the mode", path, mode, actual)
	}
}

func isAuthMode(mode string) bool {
	return mode == AuthApp || mode == AuthUser || mode == AuthImpersonate
}

// isEmail accepts a bare address with a domain.
func isEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s && strings.Contains(s[strings.LastIndex(s, "@"):], ".")
}

// credentialsFile is what tells the kinds of Google's credentials files apart.
type credentialsFile struct {
	Type         string          `json:"type"`
	RefreshToken string          `json:"refresh_token"`
	Installed    json.RawMessage `json:"installed"`
	Web          json.RawMessage `json:"web"`
}

// readCredentials puts nothing of the file's content into the error.
func readCredentials(path string) (credentialsFile, error) {
	raw, err := readfile.Regular(path, readfile.Secret)
	if err != nil {
		return credentialsFile{}, err
	}
	var f credentialsFile
	if json.Unmarshal(raw, &f) != nil {
		return f, fmt.Errorf("%s is not a JSON object, as credentials of Google's are", path)
	}
	if f.Installed != nil || f.Web != nil {
		return f, fmt.Errorf("%s is an OAuth client, not a token file; create one with: gcloud auth application-default login --client-id-file=%s --scopes=…", path, path)
	}
	return f, nil
}

func checkServiceAccount(path string) error {
	f, err := readCredentials(path)
	switch {
	case err != nil:
		return err
	case f.Type == "authorized_user":
		return fmt.Errorf("%s is a user's consent: name it as auth.token_file, with auth.mode user", path)
	case !slices.Contains([]string{"service_account", "external_account", "impersonated_service_account"}, f.Type):
		return fmt.Errorf("%s is neither a service account's key nor a workload identity configuration", path)
	}
	return nil
}

// checkConsent accepts files without a type, as Google's Python library writes them.
func checkConsent(path string) error {
	f, err := readCredentials(path)
	switch {
	case err != nil:
		return err
	case f.Type == "service_account":
		return fmt.Errorf("%s is a service account's key: name it as auth.credentials_file, with auth.mode app or impersonate", path)
	case f.Type != "authorized_user" && f.Type != "":
		return fmt.Errorf("%s is not of the type authorized_user", path)
	case f.RefreshToken == "":
		return fmt.Errorf("%s holds no refresh_token; the user has to give consent again, for offline access", path)
	}
	return nil
}
