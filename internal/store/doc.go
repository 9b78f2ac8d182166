// Package store opens the Postgres database that everything is kept in: the
// pool, the schema, the migrations. What is kept stands in the packages below:
//
//	eventlog   events, projections, quarantine ─┬─▶ runs      what rules do
//	                                            └─▶ coverage  what could be seen
//
// It promises that a migration is applied once, however many migrate at a
// time, and that a statement ends on the server before its caller gives up.
//
// The caller applies the schema with [Migrate] and checks it with
// [Store.CheckSchema] before anything else. An error is about the database: it
// is away, busy, or of another version ([SchemaError]), which no retry mends.
package store
