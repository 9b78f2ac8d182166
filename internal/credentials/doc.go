// Package credentials makes HTTP clients that call Google as the identity that
// the configuration chooses: the Chat app by its service account, a user by
// consent, or a user for whom the service account acts.
//
// # What the caller must do
//
// Open one transport for each set of scopes and share it; it gets tokens when
// they are needed and keeps them until shortly before they expire.
//
// # What happens on failure
//
// Opening a transport reports a missing or unsuitable file. If Google gives no
// token, the first call fails with an [*Error] that holds the cause and what to
// do about it.
//
// # Secrets
//
// Keys and tokens stay in this package. If Google refuses a token, only the
// error code is passed on, because the answer may repeat what was sent. A user's
// consent is read from its file for every new token: after a new consent,
// replacing the file is enough.
package credentials
