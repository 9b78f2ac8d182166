package items

import "strings"

// ShortName leaves out what a name has in common with its base: names would
// make up a tenth of the log, and most of the keys. The SQL function full_name
// undoes it.
func ShortName(name, base string) string {
	if strings.HasPrefix(name, "/") {
		return "/" + name
	}
	if rest, ok := strings.CutPrefix(name, base); ok && strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "//") {
		return rest
	}
	return name
}
