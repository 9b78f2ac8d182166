package credentials

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

// file is what tells kinds of Google's credentials files apart. None of it is
// secret.
type file struct {
	Type             credentials.CredType `json:"type"`
	ClientEmail      string               `json:"client_email"`
	ClientID         string               `json:"client_id"`
	ProjectID        string               `json:"project_id"`
	ImpersonationURL string               `json:"service_account_impersonation_url"`
	Audience         string               `json:"audience"`
	TokenURL         string               `json:"token_url"`
	Source           struct {
		Type        credentials.CredType `json:"type"`
		ClientEmail string               `json:"client_email"`
	} `json:"source_credentials"`
	CredentialSource struct {
		Certificate json.RawMessage `json:"certificate"`
	} `json:"credential_source"`
}

// account is the service account's e-mail address; "" if the file has none.
func (f file) account() string {
	if f.Type == credentials.ServiceAccount {
		return f.ClientEmail
	}
	_, rest, _ := strings.Cut(f.ImpersonationURL, "/serviceAccounts/")
	account, _, _ := strings.Cut(rest, ":")
	return account
}

// federated reports whether the credentials are a workload identity pool's own,
// which Google Cloud takes and Chat doesn't: an app is a service account.
func (f file) federated() bool {
	return f.Type == credentials.ExternalAccount && f.ImpersonationURL == ""
}

const noImpersonation = "they are a workload identity's own, which can't be the Chat app unless it impersonates the app's service account (gcloud iam workload-identity-pools create-cred-config --service-account=ACCOUNT)"

// find reads the credentials file, or else Application Default Credentials.
// The content is nil where those come from the metadata server.
func find(a config.Auth) ([]byte, error) {
	if a.CredentialsFile != "" {
		raw, err := readfile.Regular(a.CredentialsFile, readfile.Secret)
		if err != nil {
			return nil, fmt.Errorf("read auth.credentials_file: %w", err)
		}
		return raw, nil
	}
	found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{cloudPlatform}})
	if err != nil {
		return nil, noCredentials(a)
	}
	return found.JSON(), nil
}

// app opens the service account's own credentials.
func (o opener) app(a config.Auth, scopes []string) (*auth.Credentials, error) {
	raw, err := find(a)
	if err != nil {
		return nil, err
	}
	return o.fromFile(a, raw, &credentials.DetectOptions{Scopes: scopes})
}

// fromFile opens credentials of which find returned the content.
func (o opener) fromFile(a config.Auth, raw []byte, opts *credentials.DetectOptions) (*auth.Credentials, error) {
	if raw == nil {
		return credentials.DetectDefault(opts)
	}
	f, err := parse(raw)
	if err != nil {
		return nil, unsuitable(a, err.Error())
	}
	if f.Type == credentials.AuthorizedUser && slices.ContainsFunc(opts.Scopes, isOfChat) {
		return nil, unsuitable(a, "they are a person's, who can't be the Chat app")
	}
	if f.federated() && slices.ContainsFunc(opts.Scopes, isOfChat) {
		return nil, unsuitable(a, noImpersonation)
	}
	if f.Type == credentials.ServiceAccount && !hasKey(raw) {
		return nil, unsuitable(a, "the private_key in the file can't be read")
	}
	if f.CredentialSource.Certificate == nil { // one has to open connections with its certificate
		opts.Client = o.tokenClient(a, f)
	}
	creds, err := credentials.NewCredentialsFromJSON(f.Type, raw, opts)
	if err != nil {
		return nil, unsuitable(a, "they are incomplete or of a kind that isn't known")
	}
	return creds, nil
}

// hasKey looks at the key before a library does, whose error describes it.
func hasKey(raw []byte) bool {
	var f struct {
		PrivateKey string `json:"private_key"`
	}
	if json.Unmarshal(raw, &f) != nil {
		return false
	}
	block, _ := pem.Decode([]byte(f.PrivateKey))
	if block == nil {
		return false
	}
	_, errPKCS8 := x509.ParsePKCS8PrivateKey(block.Bytes)
	_, errPKCS1 := x509.ParsePKCS1PrivateKey(block.Bytes)
	return errPKCS8 == nil || errPKCS1 == nil
}

func isOfChat(scope string) bool { return strings.HasPrefix(scope, prefix+"chat.") }

// parse keeps the content out of its error.
func parse(raw []byte) (file, error) {
	var f file
	if json.Unmarshal(raw, &f) != nil {
		return file{}, errors.New("the file is not one of Google's credentials files")
	}
	return f, nil
}
