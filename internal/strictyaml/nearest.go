package strictyaml

import "strings"

// Suggest says what to write instead of a word that isn't among the candidates: the one that
// was meant, or all of them.
func Suggest(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	if len(candidates) == 0 {
		return ""
	}
	const maxListed = 20
	if len(candidates) > maxListed {
		return "known are " + strings.Join(candidates[:maxListed], ", ") + ", …"
	}
	return "known are " + strings.Join(candidates, ", ")
}

// Nearest returns the candidate that word is most likely a misspelling of, or
// "" if it resembles none.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if strings.EqualFold(c, word) {
			return c
		}
		if n := distance(word, c); n < bestDistance {
			best, bestDistance = c, n
		}
	}
	return best
}

// distance counts the single-character edits between two words, a swap of
// neighbours being one edit.
func distance(a, b string) int {
	s, t := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	var before, above []int
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		before, above, row = above, row, make([]int, len(t)+1)
		row[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(t)]
}
