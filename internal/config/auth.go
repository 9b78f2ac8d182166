package config

// Auth says who Spacekeeper is towards Google. It names files and holds no key.
// Messages are always sent as the Chat app, and Pub/Sub and other services of
// Google Cloud are always used with credentials_file.
type Auth struct {
	// Mode says who subscribes and reads: app (the Chat app, which must be in
	// each space), user (a person who gave consent) or impersonate (a person
	// on whose behalf the service account may act: domain-wide delegation).
	// Default app.
	Mode string `yaml:"mode"`

	// CredentialsFile is a file with a service account's key or a workload
	// identity configuration. Empty stands for Application Default
	// Credentials, which need no file where the service account is attached
	// to the machine. No default.
	CredentialsFile string `yaml:"credentials_file"`

	// TokenFile is a file with the consent of the user, "authorized_user"
	// JSON with a refresh token, for mode user. No default.
	TokenFile string `yaml:"token_file"`

	// Subject is the e-mail address of the user to act for, for mode
	// impersonate. No default.
	Subject string `yaml:"subject"`
}

// The modes of Auth.
const (
	AuthApp         = "app"
	AuthUser        = "user"
	AuthImpersonate = "impersonate"
)

// AsApp is the Chat app's own identity, whatever the mode: the one that sends
// messages and uses Pub/Sub and other services of Google Cloud.
func (a Auth) AsApp() Auth {
	return Auth{Mode: AuthApp, CredentialsFile: a.CredentialsFile}
}
