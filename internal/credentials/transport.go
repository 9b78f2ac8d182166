package credentials

import (
	"fmt"
	"net/http"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

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
// Pub/Sub, which are always used with the service account.
func ClientOptions(a config.Auth, scopes ...string) ([]option.ClientOption, error) {
	return opener{}.clientOptions(a, scopes)
}

// opener opens credentials. The zero value is for Google.
type opener struct {
	base http.RoundTripper // carries all requests; nil for the usual
}

func (o opener) transport(a config.Auth, scopes []string) (http.RoundTripper, error) {
	held, err := o.hold(a, scopes)
	if err != nil {
		return nil, err
	}
	client, err := httptransport.NewClient(&httptransport.Options{DisableAuthentication: true, BaseRoundTripper: o.base})
	if err != nil {
		return nil, fmt.Errorf("open a connection as %s: %w", speaker(a), err)
	}
	return carrier{tokens: held, next: client.Transport}, nil
}

func (o opener) clientOptions(a config.Auth, scopes []string) ([]option.ClientOption, error) {
	held, err := o.hold(a.AsApp(), scopes)
	if err != nil {
		return nil, err
	}
	return []option.ClientOption{
		option.WithAuthCredentials(auth.NewCredentials(&auth.CredentialsOptions{
			TokenProvider:          held,
			QuotaProjectIDProvider: auth.CredentialsPropertyFunc(held.quotaProject),
		})),
		option.WithUserAgent(userAgent()),
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(held.unary)),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(held.stream)),
	}, nil
}

// hold opens the credentials, so that what is wrong with them is known at once.
func (o opener) hold(a config.Auth, scopes []string) (*tokens, error) {
	t := &tokens{auth: a, lock: make(chan struct{}, 1), open: func() (*auth.Credentials, error) { return o.open(a, scopes) }}
	var err error
	t.creds, err = t.open()
	return t, err
}

func (o opener) open(a config.Auth, scopes []string) (*auth.Credentials, error) {
	switch a.Mode {
	case config.AuthUser:
		return o.consent(a)
	case config.AuthImpersonate:
		return o.delegated(a, scopes)
	}
	return o.app(a, scopes)
}

// tokenClient is for requests of tokens, with credentials from the file.
func (o opener) tokenClient(a config.Auth, f file) *http.Client {
	return &http.Client{Transport: explainer{base: o.tokenBase(), auth: a, file: f}, Timeout: tokenTimeout}
}

func (o opener) tokenBase() http.RoundTripper {
	if o.base != nil {
		return o.base
	}
	return http.DefaultTransport
}
