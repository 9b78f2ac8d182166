// Package scale measures how the database holds at sizes that take years to
// reach.
//
// [Seed] fills one by recording a base and multiplying it within Postgres, so
// that its rows have the shape that recording gives them. [Plans] asks Postgres
// how it would carry out every statement of the program there, and complains of
// those that read a large table whole. [Report] does both, and prints rates, the
// write-ahead log, disk, and what the usual reads cost.
package scale
