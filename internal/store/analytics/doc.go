// Package analytics keeps the rollups: the tables behind the views agg_… of the
// schema analytics. They follow from messages, reactions, memberships and
// coverage, and nothing is in them that these don't tell.
//
//	any transaction ──▶ triggers ──▶ rollup_changes, rollup_marks
//	                                        │ a pass takes what it sees
//	   rollup_activity, _members, _hours,   ◀┴▶ rollup_days (to be computed)
//	   today's rows of rollup_summary       │
//	                                        │ and then computes
//	   rollup_summary, _emoji, _responses, … ◀┘
//
// It promises that what was committed before a pass is in the rollups after it,
// whatever order events came in, and that a pass which finds nothing writes
// nothing. What is to be done is in the database: a pass that is interrupted
// goes on with the next.
//
// The caller makes a pass now and then. An error says what could not be
// computed; the next pass tries again.
//
// # Concurrency
//
// One pass is made at a time over all replicas, in transactions of bounded size.
// Each sees one state of the database (REPEATABLE READ): changes that it takes
// are those of the rows that it reads. A transaction that commits later has
// noted its own, which the next pass finds. Nobody who records waits for a pass.
package analytics
