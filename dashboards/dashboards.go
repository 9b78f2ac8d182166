// Package dashboards holds dashboards for Grafana, and reads them for tests and
// measurements, which carry out what panels ask.
//
// It promises each query as Grafana sends it. The caller chooses the time and the
// values of variables; an error names the file, or the variable that has no value.
package dashboards

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
)

//go:embed grafana/*.json
var files embed.FS

// Source is whom a query is sent to.
type Source struct{ Type, UID string }

// Query is one of a panel.
type Query struct {
	Datasource    Source
	Format        string
	RawSQL        string `json:"rawSql"`
	RefID, Editor string
}

// Dashboard is what of Grafana's model is looked at.
type Dashboard struct {
	UID, Title, Description, Timezone string
	Editable                          *bool
	Templating                        struct {
		List []struct {
			Name, Label, Type string
			Datasource        Source
			Query             string
		}
	}
	Annotations struct {
		List []struct {
			Name       string
			Datasource Source
			Target     Query
		}
	}
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Datasource               Source
		Targets                  []Query
		FieldConfig              struct{ Defaults struct{ Unit string } }
	}
}

// Read returns the dashboards by the names of their files.
func Read() (map[string]Dashboard, error) {
	names, err := fs.Glob(files, "grafana/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the dashboards: %w", err)
	}
	all := map[string]Dashboard{}
	for _, name := range names {
		var d Dashboard
		text, err := files.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			return nil, fmt.Errorf("read the dashboard %s: %w", name, err)
		}
		all[strings.TrimSuffix(path.Base(name), ".json")] = d
	}
	return all, nil
}

var (
	timeFilter = regexp.MustCompile(`\$__timeFilter\(([^)]+)\)`)
	timeGroup  = regexp.MustCompile(`\$__timeGroup(?:Alias)?\(([^,]+),\s*'?1d'?\)`)
	variable   = regexp.MustCompile(`\$\{?(\w+)\}?`)
)

// Expand returns a query as Grafana sends it.
func Expand(sql string, variables map[string]string, since, until time.Time) (text string, err error) {
	from, to := since.UTC().Format("'2006-01-02T15:04:05.000Z'"), until.UTC().Format("'2006-01-02T15:04:05.000Z'")
	sql = timeFilter.ReplaceAllString(sql, "$1 BETWEEN "+from+" AND "+to)
	sql = timeGroup.ReplaceAllString(sql, "floor(extract(epoch FROM $1) / 86400) * 86400")
	sql = strings.NewReplacer("$__timeFrom()", from, "$__timeTo()", to).Replace(sql)
	text = variable.ReplaceAllStringFunc(sql, func(name string) string {
		value, known := variables[strings.Trim(name, "${}")]
		if !known {
			err = fmt.Errorf("%s is no variable: %s", name, sql)
		}
		return value
	})
	return text, err
}
