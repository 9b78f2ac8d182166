// Package audit answers auditors: who did what, when, where and on what. It reads
// the view analytics.audit_log, and prints what the commands subscriber audit show.
//
// It promises that a search finds exactly the records that its query matches, as
// [query.Query.Match] says, newest first; that pages which follow each other hold
// each record once, while others arrive; and that what messages say is shown to
// nobody who didn't ask for it and may not read it, nor before the trail says so; and
// that an export which is ended and called again makes the same bytes.
//
// The caller opens the database; the rights of a reader of the schema analytics are
// enough, but to follow. An error is about the database or about what was asked,
// and then it shows the place and says what to write.
package audit
