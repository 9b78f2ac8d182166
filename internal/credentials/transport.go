package credentials

import (
	"context"
	"fmt"
	"net/http"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Transport carries calls to Google with an access token for the scopes. A
// local endpoint gets plain calls: no credentials are looked for.
func Transport(a config.Auth, local bool, scopes ...string) (http.RoundTripper, error) {
	if local {
		return &http.Transport{}, nil
	}
	return opener{}.transport(a, scopes)
}

// ClientOptions are for the clients of Google Cloud's services such as
// Pub/Sub, which are always used with the service account. There are none
// without a credentials file: the libraries look for Application Default
// Credentials by themselves.
func ClientOptions(a config.Auth, scopes ...string) ([]option.ClientOption, error) {
	if a.CredentialsFile == "" {
		return nil, nil
	}
	creds, err := opener{}.open(a.AsApp(), scopes)
	if err != nil {
		return nil, err
	}
	return []option.ClientOption{option.WithAuthCredentials(creds)}, nil
}

// opener opens credentials. The zero value is for Google.
type opener struct {
	base http.RoundTripper // carries all requests; nil for the usual
}

func (o opener) transport(a config.Auth, scopes []string) (http.RoundTripper, error) {
	creds, err := o.open(a, scopes)
	if err != nil {
		return nil, err
	}
	client, err := httptransport.NewClient(&httptransport.Options{Credentials: creds, BaseRoundTripper: o.base})
	if err != nil {
		return nil, fmt.Errorf("open a connection as %s: %w", speaker(a), err)
	}
	return client.Transport, nil
}

func (o opener) open(a config.Auth, scopes []string) (*auth.Credentials, error) {
	var creds *auth.Credentials
	var err error
	switch a.Mode {
	case config.AuthUser:
		creds, err = o.consent(a)
	case config.AuthImpersonate:
		creds, err = o.delegated(a, scopes)
	default:
		creds, err = o.app(a, scopes)
	}
	if err != nil {
		return nil, err
	}
	creds.TokenProvider = provider{inner: creds.TokenProvider, auth: a}
	return creds, nil
}

// tokenClient is for requests of tokens.
func (o opener) tokenClient(a config.Auth) *http.Client {
	return &http.Client{Transport: explainer{base: o.tokenBase(), auth: a}, Timeout: tokenTimeout}
}

func (o opener) tokenBase() http.RoundTripper {
	if o.base != nil {
		return o.base
	}
	return http.DefaultTransport
}

// provider makes every failure an [*Error].
type provider struct {
	inner auth.TokenProvider
	auth  config.Auth
}

func (p provider) Token(ctx context.Context) (*auth.Token, error) {
	token, err := p.inner.Token(ctx)
	if err != nil {
		return nil, asError(p.auth, err)
	}
	return token, nil
}
