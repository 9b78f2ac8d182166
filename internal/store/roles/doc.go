// Package roles makes the roles of the database: who owns the tables, as whom the
// worker works, and who may read which part of the schema analytics.
//
// It promises to make each right exactly what it ought to be, however often it is
// asked: what a role may do too much of is taken from it. What [Create] carries out
// is what [SQL] returns, so that whoever may not do it can hand it on.
//
// The caller migrates first. All happens in one transaction. An error names the
// step, what the caller's role lacks, and who can give it. Passwords are no part of
// this: none of these roles logs in, their members do.
package roles

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// The roles. None of them logs in.
const (
	Owner   = "spacekeeper_owner"   // of all tables: migrates, and makes partitions
	Worker  = "spacekeeper_worker"  // records, and carries out rules
	Reader  = "spacekeeper_reader"  // reads analytics
	Content = "spacekeeper_content" // sees in analytics what people wrote
)

// Group is a group of spaces whose reader sees no others.
type Group struct {
	Name   string
	Spaces []string // spaces/S
}

// Reader is the name of its role.
func (g Group) Reader() string { return Reader + "_" + g.Name }

// A name is part of that of a role, of which Postgres keeps 63 bytes.
var groupName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,43}$`)

// ParseGroup reads NAME=spaces/A,spaces/B.
func ParseGroup(text string) (Group, error) {
	name, list, _ := strings.Cut(text, "=")
	g := Group{Name: name}
	if !groupName.MatchString(name) {
		return g, fmt.Errorf("group %q: a name is up to 44 lower-case letters, digits, _ and -, as in sales=spaces/A,spaces/B", name)
	}
	for space := range strings.SplitSeq(list, ",") {
		if !events.IsWrittenSpace(space) || space == "spaces/-" {
			return g, fmt.Errorf("group %s: %q is no space: write %[1]s=spaces/A,spaces/B", name, space)
		}
		g.Spaces = append(g.Spaces, space)
	}
	return g, nil
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
