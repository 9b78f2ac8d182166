// Package chaos holds the tests that break things around the real worker: they
// kill it, stop it under load, take its database away, freeze it, and deliver
// everything several times, while a simulated Workspace goes on. Afterwards
// reconcile compares what was published with what was recorded and sent.
//
// The worker is a process of its own: the test binary once more, which runs
// internal/worker as `subscriber run` does. The tests are scaled to run with all
// others; -chaos.full gives them the sizes of a nightly run.
package chaos
