// Package migrations holds the database schema as numbered steps, embedded in
// the binaries. store.Migrate applies them; nothing else may.
//
// A step has an Up and a Down, and its first line says why it exists. A step
// that was released is never changed: the next one mends it. Steps add first
// and remove a release later, so that the binary before runs on the schema
// after. A step that older binaries can't live with says so in the table
// schema_compatibility, and they refuse to start. schema.sql shows the sum of all steps and is kept current by a test
// of the store.
package migrations

import "embed"

// FS holds the numbered steps.
//
//go:embed 0*.sql
var FS embed.FS
