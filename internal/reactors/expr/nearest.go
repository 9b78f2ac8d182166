package expr

import "strings"

// meant says which of the known words an unknown one may be a misspelling of,
// or all of them after an introduction, if there is one.
func meant(word string, known []string, introduction string) string {
	best, least := "", 1+max(1, len(word)/3)
	for _, k := range known {
		if n := edits(strings.ToLower(word), strings.ToLower(k)); n < least {
			best, least = k, n
		}
	}
	switch {
	case best != "":
		return "did you mean " + best + "?"
	case introduction != "":
		return introduction + " " + strings.Join(known, ", ")
	}
	return ""
}

// edits counts the characters to insert, delete or replace to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
