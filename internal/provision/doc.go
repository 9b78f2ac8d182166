// Package provision knows what Pub/Sub must look like for nothing to be lost:
// the topic that Google Chat publishes to, the subscription that the worker
// pulls, the dead-letter topic and who may do what with them.
//
// # What it promises
//
// [Names.Facts] states all of it, once: the same values are in terraform/ and
// in the commands of the README, and tests compare them. [Provisioner.Check]
// names every [Drift] of the live resources from the facts, with the command
// that mends it. [Provisioner.Make] creates what is missing and changes what
// can be changed in place. It never deletes or replaces anything, never takes
// a role from anybody, and leaves a subscription alone that serves somebody
// else.
//
// # What the caller must do
//
// Close the Provisioner. Show what Make leaves: some drifts are a person's to
// decide about, and a few are mended only by another subscription.
//
// # What happens on failure
//
// Make stops at the first error, and may be run again: it goes on from what is
// there. Two at once do no harm. A missing permission is a [PermissionError]
// with the command that grants it. Check goes on to the next resource, and
// returns what it could see along with all errors.
//
// # Concurrency
//
// A Provisioner may be used by several goroutines.
package provision
