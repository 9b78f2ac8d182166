// Package chaos holds the tests that break things around the real worker: they
// kill it, stop it under load, take its database away, freeze it, and deliver
// everything several times, while a simulated Workspace goes on. Afterwards
// reconcile compares what was published with what was recorded and sent.
//
// The worker runs as a process of its own, built from cmd/subscriber. The
// tests are scaled to run with all others; -chaos.full gives them the sizes of
// a nightly run.
package chaos
