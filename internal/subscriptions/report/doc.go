// Package report says what plan, apply, list and status find and do: the rows and
// columns of their tables, the same as JSON, and the file that keeps a plan until
// it is applied.
//
// A plan in a file is applied as it is or not at all: [Plan.Choose] fails if
// anything that the plan is about has changed since. [Join] keeps many failures
// with one cause short.
package report
