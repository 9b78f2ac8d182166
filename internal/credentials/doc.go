// Package credentials turns the configuration's choice of who we are towards
// Google into clients that say so: the Chat app by its service account, a user
// by consent, or a user on whose behalf the service account acts.
//
// # What the caller must do
//
// Open one transport for each set of scopes and share it; it gets tokens when
// they are needed and keeps them until shortly before they expire.
//
// # What happens on failure
//
// A missing or unsuitable file is reported when the transport is opened. That
// no token can be had is noticed at the first call, whose error holds an
// [*Error] with the cause and what to do about it.
//
// # Secrets
//
// Keys and tokens stay in here. An answer of Google's that refuses a token
// isn't passed on but for its error code, as it may repeat what was sent. A
// user's consent is read from its file for every new token, so that a new file
// is enough once consent was given again.
package credentials
