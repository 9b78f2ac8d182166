package config

import (
	"slices"
	"strings"
)

// unknown reports a key that doesn't exist, with the key that was meant.
func (d *decoder) unknown(section, name string, where position) {
	in := "at the top"
	if section != "" {
		in = "in " + section
	}
	siblings := d.keysIn(section)
	if file := name + "_file"; slices.Contains(siblings, file) {
		d.problems.at(where, "unknown key %q %s; a secret is read from a file that %q names", name, in, file)
		return
	}
	if near := nearest(name, siblings); near != "" {
		d.problems.at(where, "unknown key %q %s; did you mean %q?", name, in, near)
		return
	}
	for _, path := range d.paths() { // right word, wrong section
		if path == name || strings.HasSuffix(path, "."+name) {
			d.problems.at(where, "unknown key %q %s; did you mean %s?", name, in, path)
			return
		}
	}
	d.problems.at(where, "unknown key %q %s; known are %s", name, in, strings.Join(siblings, ", "))
}

func (d *decoder) paths() []string {
	var list []string
	for path := range d.fields {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

// keysIn lists the keys and sections directly in a section; none if there is
// no such section.
func (d *decoder) keysIn(section string) []string {
	var list []string
	for _, path := range d.paths() {
		rest := path
		if section != "" {
			var ok bool
			if rest, ok = strings.CutPrefix(path, section+"."); !ok {
				continue
			}
		}
		key, _, _ := strings.Cut(rest, ".")
		if !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list
}

// nearest returns the candidate that word is most likely a misspelling of, or
// "" if it resembles none.
func nearest(word string, candidates []string) string {
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
