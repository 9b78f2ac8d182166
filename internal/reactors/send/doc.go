// Package send holds the actions "send", "update" and "delete": a message of
// the Chat app in a space, for everybody or for one person, and what becomes of
// it later.
//
// # What it promises
//
// A message is there exactly once, whatever is repeated and whatever becomes of
// Google's answers: its ids follow from the run and the action's label, and are
// part of the stored request. A private message that Google refuses for good
// goes to the space if the rule says so, and never to both. A later action
// finds the message by its label, in whatever way it was sent.
//
// # What the caller must do
//
// Reserve a write slot of the space before Act, as reactors.ChatWriter says: one
// write a second. A message that was sent to a space of its own is changed and
// deleted by naming that space again.
//
// # What happens on failure
//
// Errors come marked by gchat. What can't be sent is a permanent error in words
// for the people who run the space; so is a change of a message that isn't
// there. To delete such a one is a success.
//
// # Concurrency
//
// The actions keep nothing: they may be used by any number of goroutines.
package send
