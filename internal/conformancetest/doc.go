// Package conformancetest holds every request that a test sends to Google's
// APIs against Google's own description of them: the discovery documents that
// come with the client module, so that they are those of the version in use.
//
//	client ⇄ Check or Proxy ⇄ simulated Workspace
//	            │
//	            └─ method and path, parameters, body; answers ─▶ t.Errorf
//
// It promises that a request which passes names a method that exists, has only
// fields and parameters that the method knows, of the right type, format and
// enum, none that Google sets itself, and all that the documents call
// required. It doesn't know rules that are written in prose only; package
// simulate enforces those. [Proxy] also looks at the answers, so that the
// simulated Workspace invents no field, value or format.
//
// # What the caller must do
//
// Put [Check] under a client or [Proxy] in front of a server, and let TestMain
// run [Main], which fails if the package's tests no longer send what they are
// meant to. Requests that are wrong on purpose must not pass through.
//
// # What happens on failure
//
// The test fails and the request goes on.
package conformancetest
