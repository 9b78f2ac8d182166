// Package analytics reads what the commands stats, tail and analytics export
// print: the numbers of the schema analytics, the rows of any of its objects,
// and the event log as it grows.
//
// It promises that what nobody knows stays apart from zero in every form; that
// a followed log is told whole and each event of it once, in whatever order
// transactions commit; and that an export takes the same memory however long
// it is, and leaves no half file.
//
// The caller says what to read and where to write it. An error is about the
// database, about the file, or about a name that doesn't exist, and then it
// suggests one that does.
package analytics
