package rules

import (
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/spelling"
)

// suggest is a hint for a word that isn't among the candidates: the one that
// was meant, or all of them.
func suggest(word string, candidates []string) string {
	if near := spelling.Nearest(word, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	if len(candidates) == 0 {
		return ""
	}
	list := slices.Clone(candidates)
	const most = 20
	if len(list) > most {
		list = append(list[:most], "…")
	}
	return "known are " + strings.Join(list, ", ")
}
