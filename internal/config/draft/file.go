package draft

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

//go:embed draft.yaml.tmpl
var fileTemplate string

// render writes the configuration down with comments.
func render(a *Answers, cfg config.Config) (string, error) {
	t, err := template.New("configuration").Funcs(template.FuncMap{"yaml": quote}).Parse(fileTemplate)
	if err != nil {
		return "", fmt.Errorf("read the template of the configuration: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, struct {
		*Answers
		Config config.Config
	}{a, cfg}); err != nil {
		return "", fmt.Errorf("write the configuration down: %w", err)
	}
	return b.String(), nil
}

var unquoted = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@:-]*[A-Za-z0-9_/-]$`)

// quote puts text into quotes unless YAML can't take it for anything else.
func quote(text string) string {
	words := []string{"true", "false", "yes", "no", "on", "off", "null"}
	if unquoted.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	quoted, err := json.Marshal(text) // YAML contains JSON
	if err != nil {
		return `""` // can't be: text always can be written
	}
	return string(quoted)
}

// writeNew writes the whole file or nothing, and replaces one only if told to.
func writeNew(path, text string, replace bool) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".spacekeeper-*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it's gone if all went well
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	if replace {
		return os.Rename(tmp.Name(), path)
	}
	if err := os.Link(tmp.Name(), path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: --force replaces it", path)
	} else if err == nil {
		return nil
	}
	return os.Rename(tmp.Name(), path) // a file system without links
}
