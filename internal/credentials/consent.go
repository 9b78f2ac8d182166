package credentials

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"

	"cloud.google.com/go/auth"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const (
	authURL  = "https://accounts.google.com/o/oauth2/auth"
	tokenURL = "https://oauth2.googleapis.com/token" //nolint:gosec // an address
)

// consent opens what a user consented to. Which scopes those are is decided;
// a token for others can't be asked for.
func (o opener) consent(a config.Auth) (*auth.Credentials, error) {
	if _, err := readConsent(a.TokenFile); err != nil {
		return nil, err
	}
	return auth.NewCredentials(&auth.CredentialsOptions{
		TokenProvider: auth.NewCachedTokenProvider(consenting{file: a.TokenFile, client: o.tokenClient(a)}, nil),
	}), nil
}

// consenting reads the file for every new token.
type consenting struct {
	file   string
	client *http.Client
}

func (c consenting) Token(ctx context.Context) (*auth.Token, error) {
	given, err := readConsent(c.file)
	if err != nil {
		return nil, err
	}
	refresher, err := auth.New3LOTokenProvider(&auth.Options3LO{
		ClientID:     given.ClientID,
		ClientSecret: given.ClientSecret,
		RefreshToken: given.RefreshToken,
		AuthURL:      authURL,
		TokenURL:     given.TokenURI,
		AuthStyle:    auth.StyleInParams,
		Client:       c.client,
	})
	if err != nil {
		return nil, err
	}
	return refresher.Token(ctx)
}

// given is the content of a token file. Don't print it.
type given struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
	TokenURI     string `json:"token_uri"`
}

func readConsent(path string) (given, error) {
	refuse := func(cause string, err error) (given, error) {
		return given{}, &Error{Doing: "read auth.token_file " + path, Cause: cause, Remedy: consentAgain, Err: err}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return refuse("it can't be read", err)
	}
	var g given
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
