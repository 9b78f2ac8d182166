package credentials

import (
	"context"
	"net/http"
	"sync"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"
	"cloud.google.com/go/compute/metadata"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const (
	prefix        = "https://www.googleapis.com/auth/"
	cloudPlatform = prefix + "cloud-platform"
)

// delegated opens domain-wide delegation: the service account signs a request
// for a token of the user. A key does so by itself; without one, the service
// account asks IAM to sign, which takes the role Service Account Token Creator
// on itself.
func (o opener) delegated(a config.Auth, scopes []string) (*auth.Credentials, error) {
	raw, err := find(a)
	if err != nil {
		return nil, err
	}
	f := file{}
	if raw != nil {
		if f, err = parse(raw); err != nil {
			return nil, unsuitable(a, err.Error())
		}
	}
	if f.Type == credentials.ServiceAccount {
		return o.fromFile(a, raw, &credentials.DetectOptions{Scopes: scopes, Subject: a.Subject})
	}
	if raw != nil && f.account() == "" {
		return nil, unsuitable(a, noAccount)
	}
	app := a.AsApp()
	source := &tokens{auth: app, lock: make(chan struct{}, 1)}
	source.open = func() (*auth.Credentials, error) {
		return o.fromFile(app, raw, &credentials.DetectOptions{Scopes: []string{cloudPlatform}})
	}
	if source.creds, err = source.open(); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: carrier{source, explainer{base: o.tokenBase(), auth: a}}, Timeout: tokenTimeout}
	return auth.NewCredentials(&auth.CredentialsOptions{
		TokenProvider: auth.NewCachedTokenProvider(&signer{account: f.account(), subject: a.Subject, scopes: scopes, client: client}, nil),
	}), nil
}

// signer gets tokens by IAM's signature.
type signer struct {
	subject string
	scopes  []string
	client  *http.Client // with the service account's own credentials

	mu      sync.Mutex
	account string // "" until the metadata server is asked
}

func (s *signer) Token(ctx context.Context) (*auth.Token, error) {
	account, err := s.resolve(ctx)
	if err != nil {
		return nil, err
	}
	creds, err := impersonate.NewCredentials(&impersonate.CredentialsOptions{
		TargetPrincipal: account, Subject: s.subject, Scopes: s.scopes, Client: s.client,
	})
	if err != nil {
		return nil, err
	}
	return creds.Token(ctx)
}

func (s *signer) resolve(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account != "" {
		return s.account, nil
	}
	account, err := metadata.EmailWithContext(ctx, "default")
	s.account = account
	return account, err
}
