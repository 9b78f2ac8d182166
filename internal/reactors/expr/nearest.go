package expr

import (
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// meant says which of the known words an unknown one may be a misspelling of,
// or all of them after an introduction, if there is one.
func meant(word string, known []string, introduction string) string {
	near := strictyaml.Nearest(word, known)
	switch {
	case near != "":
		return "did you mean " + near + "?"
	case introduction != "":
		return introduction + " " + strings.Join(known, ", ")
	}
	return ""
}
