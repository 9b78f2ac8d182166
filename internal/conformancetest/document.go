package conformancetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// module is where the discovery documents are.
const module = "google.golang.org/api"

// files are the documents of the APIs that we call.
var files = []string{
	"workspaceevents/v1/workspaceevents-api.json",
	"chat/v1/chat-api.json",
	"serviceusage/v1/serviceusage-api.json",
	"cloudresourcemanager/v1/cloudresourcemanager-api.json",
}

// document is a discovery document, as far as it matters here:
// https://developers.google.com/discovery/v1/reference/apis.
type document struct {
	Resources  map[string]*resource `json:"resources"`
	Parameters map[string]*schema   `json:"parameters"` // of every method
	Schemas    map[string]*schema   `json:"schemas"`
}

type resource struct {
	Methods   map[string]*method   `json:"methods"`
	Resources map[string]*resource `json:"resources"`
}

type method struct {
	ID         string             `json:"id"` // "chat.spaces.messages.create"
	HTTPMethod string             `json:"httpMethod"`
	Path       string             `json:"path"` // a template: "v1/{+parent}/messages"
	Parameters map[string]*schema `json:"parameters"`
	Request    *schema            `json:"request"` // a reference; nil for no body
	Response   *schema            `json:"response"`

	document *document
	form     *regexp.Regexp // of the path; its groups are named after the parameters
	rank     int            // of the document
}

// schema describes a value. Parameters have the same form.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        string             `json:"type"`
	Format      string             `json:"format"`
	Enum        []string           `json:"enum"`
	Pattern     string             `json:"pattern"`
	Location    string             `json:"location"` // of a parameter: "path" or "query"
	Description string             `json:"description"`
	Required    bool               `json:"required"`
	Repeated    bool               `json:"repeated"`
	ReadOnly    bool               `json:"readOnly"`
	Deprecated  bool               `json:"deprecated"`
	Items       *schema            `json:"items"`
	Additional  *schema            `json:"additionalProperties"`
	Properties  map[string]*schema `json:"properties"`

	pattern *regexp.Regexp // Pattern of a parameter
}

// required also believes the description, which is where Google says it of
// everything but paths.
func (s *schema) required() bool {
	return s.Required || strings.HasPrefix(s.Description, "Required.")
}

// methods returns all methods of all documents, those with the longest fixed
// part of a path first. Those of an earlier document win: all APIs have
// operations.
var methods = sync.OnceValues(func() ([]*method, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", module, err)
	}
	var list []*method
	for i, file := range files {
		raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), file))
		if err != nil {
			return nil, fmt.Errorf("read the discovery document: %w", err)
		}
		found, err := parse(raw, i)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		list = append(list, found...)
	}
	slices.SortFunc(list, func(a, b *method) int {
		return cmp.Or(cmp.Compare(fixed(b.Path), fixed(a.Path)), cmp.Compare(a.rank, b.rank), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
})

func parse(raw []byte, rank int) ([]*method, error) {
	doc := &document{}
	if err := json.Unmarshal(raw, doc); err != nil {
		return nil, err
	}
	var list []*method
	var walk func(map[string]*resource)
	walk = func(level map[string]*resource) {
		for _, r := range level {
			for _, m := range r.Methods {
				m.document, m.form, m.rank = doc, pathForm(m.Path), rank
				for _, p := range m.Parameters {
					if p.Pattern != "" {
						p.pattern = regexp.MustCompile(p.Pattern)
					}
				}
				list = append(list, m)
			}
			walk(r.Resources)
		}
	}
	walk(doc.Resources)
	return list, nil
}

var placeholder = regexp.MustCompile(`\{\+?[^}]*\}`)

func fixed(path string) int { return len(placeholder.ReplaceAllString(path, "")) }

// pathForm turns a template into an expression: {+name} may hold slashes,
// {name} may not.
func pathForm(path string) *regexp.Regexp {
	form, at := "^/", 0
	for _, span := range placeholder.FindAllStringIndex(path, -1) {
		form += regexp.QuoteMeta(path[at:span[0]])
		name := path[span[0]+1 : span[1]-1]
		if wide, ok := strings.CutPrefix(name, "+"); ok {
			form += "(?P<" + wide + ">.+)"
		} else {
			form += "(?P<" + name + ">[^/]+)"
		}
		at = span[1]
	}
	return regexp.MustCompile(form + regexp.QuoteMeta(path[at:]) + "$")
}
