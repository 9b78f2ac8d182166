// Package examples holds rule files to begin with. Each is whole, has tests of
// its own, and is checked by this package's test.
package examples

import (
	"embed"
	"fmt"
)

//go:embed *.yaml
var files embed.FS

// Read returns a file, such as "welcome.yaml".
func Read(name string) (string, error) {
	raw, err := files.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read the example %q: %w", name, err)
	}
	return string(raw), nil
}
