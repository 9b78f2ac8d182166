package credentials

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"cloud.google.com/go/auth"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

const (
	authURL  = "https://accounts.google.com/o/oauth2/auth"
	tokenURL = "https://oauth2.googleapis.com/token" //nolint:gosec // an address
)

// consent opens a user's consent. It covers the scopes that the user agreed to
// at the time; no other can be requested.
func (o opener) consent(a config.Auth) (*auth.Credentials, error) {
	if _, err := readConsent(a); err != nil {
		return nil, err
	}
	return auth.NewCredentials(&auth.CredentialsOptions{
		TokenProvider: auth.NewCachedTokenProvider(consenting{auth: a, client: o.tokenClient(a, file{})}, nil),
	}), nil
}

// consenting gets tokens for a consent. It reads the file for every new one.
type consenting struct {
	auth   config.Auth
	client *http.Client
}

func (c consenting) Token(ctx context.Context) (*auth.Token, error) {
	stored, err := readConsent(c.auth)
	if err != nil {
		return nil, err
	}
	refresher, err := auth.New3LOTokenProvider(&auth.Options3LO{
		ClientID:     stored.ClientID,
		ClientSecret: stored.ClientSecret,
		RefreshToken: stored.RefreshToken,
		AuthURL:      authURL,
		TokenURL:     stored.TokenURI,
		AuthStyle:    auth.StyleInParams,
		Client:       c.client,
	})
	if err != nil {
		return nil, err
	}
	return refresher.Token(ctx)
}

// storedConsent is the content of a token file. Don't print it.
type storedConsent struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
	TokenURI     string `json:"token_uri"`
}

func readConsent(a config.Auth) (storedConsent, error) {
	refuse := func(cause string, err error) (storedConsent, error) {
		return storedConsent{}, &Error{Doing: "read auth.token_file " + a.TokenFile, Cause: cause, Remedy: consentAgain(a), Err: err}
	}
	raw, err := readfile.Regular(a.TokenFile, readfile.Secret)
	if err != nil {
		return refuse("it can't be read", err)
	}
	var g storedConsent
	switch {
	case json.Unmarshal(raw, &g) != nil: // whose error may quote the content
		return refuse("it is not a JSON object", nil)
	case g.ClientID == "" || g.ClientSecret == "" || g.RefreshToken == "":
		return refuse("it lacks client_id, client_secret or refresh_token", nil)
	}
	if g.TokenURI == "" {
		g.TokenURI = tokenURL
	}
	if u, err := url.Parse(g.TokenURI); err != nil || u.Scheme != "https" && !config.IsLoopback(g.TokenURI) {
		return refuse("its token_uri is not https", nil)
	}
	return g, nil
}
