// Package provision checks and makes the Pub/Sub resources of a worker: the
// topic that Google Chat publishes to, the subscription that the worker pulls,
// the dead-letter topic, and the roles on them.
//
// # What it promises
//
// [Names.Facts] states once how they must be, so that no event is lost:
// terraform/ and the commands of docs/google-workspace.md have the same values,
// and tests compare them. [Provisioner.Check] names every [Drift] of the live resources
// from the facts, with the command that mends it. [Provisioner.Make] creates
// missing resources and changes settings in place. It never deletes or replaces
// a resource, never revokes a role, and leaves a subscription alone that serves
// somebody else.
//
// # What the caller must do
//
// Close the Provisioner. Show the drifts that Make leaves: a person has to decide
// about some, and a few take another subscription.
//
// # What happens on failure
//
// Make stops at the first error, and may be run again: it goes on from what is
// there. Two at once do no harm. A missing permission is a [PermissionError]
// with the command that grants it. Check goes on to the next resource, and
// returns the drifts that it found along with all errors.
//
// # Concurrency
//
// A Provisioner may be used by several goroutines.
package provision
