// Package quota keeps the calls of one process to Google's APIs within the quotas
// that Google documents (fact sheet §3.6, §6.3).
//
// It promises that the clients which share a [Pacer] together ask no more than
// Google allows, each as soon as there is room, in the order in which they come.
// Other processes have quotas of their own only by Google's leave: where Google
// says that a quota is used up, all clients of the process wait, as long as it
// says, or longer and longer.
//
// # What the caller must do
//
// Make one Pacer for a process and give it to every client; wait before each call.
//
// # What happens on failure
//
// A wait ends early only with its context. The log tells once that a quota is used
// up, and once that there is room again.
package quota
