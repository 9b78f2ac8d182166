package config

import (
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/spelling"
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
	if near := spelling.Nearest(name, siblings); near != "" {
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
