// Package localpg runs a private Postgres server for the demo and for tests.
//
// [Start] first looks for a server that is already meant for us
// (TEST_DATABASE_URL, then DATABASE_URL) and starts nothing if there is one.
// Otherwise it looks for server binaries: on PATH, in the folders where
// packages put them (the newest version wins), and at last it downloads them.
// If all of that is in vain, one error says which package to install.
//
// # What it promises
//
// A private server listens on a unix socket that only its owner can reach (on
// Windows, and with [Options.TCP], on a loopback port with a random password).
// It runs with Postgres's own defaults, so fsync and synchronous_commit are
// on: what a test learns about durability holds in production. A test that
// does not care may pass Settings{"fsync": "off"}. Sorting is by code point
// (locale C) and the time zone is UTC on every machine. Starting takes a second or
// two in a new folder and a tenth of that in an old one. With [Options.Contents]
// only the first one takes as long.
//
// The server does not outlive the process that started it, however that one
// ends: a watcher (on Windows a job object) stops it after a SIGKILL too, and
// removes its temporary folder. Ctrl-C does not reach the server, so that the
// program can finish its work first.
//
// As root, whom Postgres refuses to serve, it runs as user postgres, or else
// nobody; the folder is given to that user.
//
// # What the caller must do
//
// Call [Server.Stop]. The context given to Start bounds the start, not the
// server's life.
//
// # Failure
//
// An error of the server carries the last lines that it wrote. [Server.Kill],
// [Server.Restart], [Server.Pause] and [Server.Resume] make it fail on
// purpose; they need a private server. All methods may be called from any
// goroutine.
package localpg
