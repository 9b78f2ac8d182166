package credentials

import (
	"os"

	"cloud.google.com/go/auth/credentials"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Identity is who calls to Google are made as. It is for people to read, not
// for logs: it may hold an e-mail address.
type Identity struct {
	Mode     string // of config.Auth
	Account  string // the service account's e-mail address; "" if it isn't known or there is none
	Subject  string // whom the service account acts for
	ClientID string // of the OAuth client, or for domain-wide delegation; "" if it isn't known
	Project  string // of the service account's key; "" if it isn't known
	Source   string // where the credentials come from: "the key in FILE"
}

// Describe says who we are, as far as can be seen without a call to Google.
func Describe(a config.Auth) (Identity, error) {
	i := Identity{Mode: a.Mode, Subject: a.Subject}
	if a.Mode == config.AuthUser {
		g, err := readConsent(a)
		if err != nil {
			return i, err
		}
		i.ClientID, i.Source = g.ClientID, "the consent in "+a.TokenFile
		return i, nil
	}
	raw, err := find(a)
	if err != nil {
		return i, err
	}
	if raw == nil {
		i.Source = "the metadata server"
		return i, nil
	}
	f, err := parse(raw)
	if err != nil {
		return i, unsuitable(a, err.Error())
	}
	i.Account, i.Project, i.Source = f.account(), f.ProjectID, kinds()[f.Type]+" in "+place(a)
	if f.Type == credentials.ServiceAccount {
		i.ClientID = f.ClientID
	}
	if f.Type == credentials.AuthorizedUser {
		return i, unsuitable(a, "they are a person's, who can't be the Chat app")
	}
	if f.federated() && a.Mode == config.AuthApp {
		return i, unsuitable(a, noImpersonation)
	}
	if i.Account == "" && a.Mode == config.AuthImpersonate {
		return i, unsuitable(a, noAccount)
	}
	return i, nil
}

const noAccount = "they are no service account's, which alone can act for a user"

func kinds() map[credentials.CredType]string {
	return map[credentials.CredType]string{
		credentials.ServiceAccount:             "the key",
		credentials.ExternalAccount:            "the workload identity",
		credentials.ImpersonatedServiceAccount: "the impersonation",
		credentials.AuthorizedUser:             "a person's consent",
	}
}

func place(a config.Auth) string {
	if a.CredentialsFile != "" {
		return a.CredentialsFile
	}
	if env := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS"); env != "" {
		return env
	}
	return "gcloud's Application Default Credentials"
}

// String describes the identity in words: "the user keeper@example.com, for
// whom bot@p.iam.gserviceaccount.com acts, by the key in key.json".
func (i Identity) String() string {
	account := i.Account
	if account == "" {
		account = "a service account"
	}
	who := "the Chat app " + account
	switch i.Mode {
	case config.AuthUser:
		who = "a user"
	case config.AuthImpersonate:
		who = "the user " + i.Subject + ", for whom " + account + " acts"
	}
	if i.Source == "" {
		return who
	}
	return who + ", by " + i.Source
}
