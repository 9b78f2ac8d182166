// Package checkpoints signs checkpoints of the transparency log and copies them to
// where whoever may change the database can't reach them.
//
// It promises that a checkpoint is signed only of a tree that has grown out of the
// newest one that the database keeps, that this process has seen, and that is in a
// directory of copies: not of one that was rewritten, cut, or set back. Any number of
// workers may run one [Keeper] each: one of them signs, and one copies.
//
// # What the caller must do
//
// Call [Keeper.Run] once the schema is there. Give each log directories and prefixes
// of its own.
//
// # What happens on failure
//
// A checkpoint that couldn't be copied is tried again, or a newer one that says all that
// it said; the log tells the first failure and the end of it, proof_copies and the
// metrics what fails now. If the tree is another, no more is signed until a person has
// looked: [Keeper.Refused] says so.
package checkpoints
