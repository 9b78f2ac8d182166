package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const referencePath = "../../docs/configuration.md"

// TestReferenceIsCurrent keeps docs/configuration.md equal to what the struct
// and its comments say. UPDATE_REFERENCE=1 rewrites it.
func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	want := reference(t)
	if os.Getenv("UPDATE_REFERENCE") != "" {
		if err := os.WriteFile(referencePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date; UPDATE_REFERENCE=1 go test ./internal/config rewrites it", referencePath)
	}
}

func reference(t *testing.T) string {
	t.Helper()
	cfg := Default()
	comments := fieldComments(t)
	names := map[string]string{}
	var b strings.Builder
	b.WriteString(`# Configuration

Generated from the comments of the structs in internal/config: change them there.

Both binaries read one YAML file, ` + "`" + DefaultPath + "`" + ` in the working directory or the one that ` + "`--config`" + ` names;
` + "`spacekeeper.example.yaml`" + ` shows every key. An environment variable overrides each key; its name is
` + "`SPACEKEEPER_`" + ` and the key in capitals, with ` + "`_`" + ` for the dot. Lists are separated by commas there, and an empty
variable counts as not set. Passwords come only from files. Every problem of a configuration is reported at once,
and the binary exits with 78.

Whatever file is named must be a regular one, or a link to one: a configuration, rules and cards of up to 1 MiB, secrets of up to 64 KiB,
WASM modules of up to 16 MiB. Files with secrets are for Spacekeeper's user alone: doctor and the worker warn of those that anybody can read.

| key | environment | type | default | meaning |
|---|---|---|---|---|
`)
	for _, f := range fields("", reflect.ValueOf(&cfg).Elem()) {
		variable := "`" + f.env() + "`"
		if _, isTargets := f.value.Interface().([]Target); isTargets {
			variable = "–"
		}
		if other, taken := names[f.env()]; taken {
			t.Errorf("%s and %s share the variable %s", other, f.path, f.env())
		}
		names[f.env()] = f.path
		kind, value, meaning := describeField(t, f, comments)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.path, variable, kind, value, meaning)
	}
	b.WriteString(`
Each of ` + "`workspace.targets`" + ` is a section:

| key | type | meaning |
|---|---|---|
`)
	for _, f := range fields("workspace.targets[]", reflect.ValueOf(&Target{}).Elem()) {
		kind, _, meaning := describeField(t, f, comments)
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.TrimPrefix(f.path, "workspace.targets[]."), kind, meaning)
	}
	b.WriteString(`
Endpoints of a fake or a proxy are set by the environment alone. No credentials are asked for, or sent to, an endpoint on
loopback; any other must be https.

| environment | meaning |
|---|---|
| ` + "`" + envChat + "`" + ` | base URL in place of https://chat.googleapis.com |
| ` + "`" + envWorkspaceEvents + "`" + ` | base URL in place of https://workspaceevents.googleapis.com |
| ` + "`" + envServiceUsage + "`" + ` | base URL in place of https://serviceusage.googleapis.com |
| ` + "`" + envResourceManager + "`" + ` | base URL in place of https://cloudresourcemanager.googleapis.com |
| ` + "`" + envPubSubEmulator + "`" + ` | host:port in place of Google's Pub/Sub |
`)
	return b.String()
}

// describeField reads a row of the reference out of the field and its comment.
func describeField(t *testing.T, f field, comments map[string]string) (kind, value, meaning string) {
	t.Helper()
	comment, ok := comments[f.path]
	if !ok {
		t.Errorf("%s has no comment", f.path)
	}
	kind, value = kindAndDefault(f)
	meaning, stated, ok := strings.Cut(comment, ". Default")
	if ok {
		meaning += "."
	} else if !strings.HasSuffix(comment, "No default.") {
		t.Errorf("the comment of %s states no default", f.path)
	}
	meaning = strings.TrimSuffix(strings.TrimSpace(meaning), " No default.")
	if shown := strings.Trim(value, "`"); ok && f.value.Kind() != reflect.Slice && !strings.Contains(stated, shown) {
		t.Errorf("the comment of %s states the default %q, but it is %s", f.path, stated, shown)
	}
	return kind, value, strings.NewReplacer("|", `\|`, "*", `\*`).Replace(meaning)
}

func kindAndDefault(f field) (kind, value string) {
	switch v := f.value.Interface().(type) {
	case string:
		kind, value = "text", v
	case bool:
		kind, value = "true or false", strconv.FormatBool(v)
	case *bool:
		kind = "true or false"
	case []Target:
		kind = "list of sections"
	case int:
		kind, value = "number", strconv.Itoa(v)
	case ByteSize:
		kind, value = "size", v.String()
	case time.Duration:
		kind, value = "duration", strictyaml.FormatDuration(v)
	case []string:
		kind = "list"
		if len(v) > 0 {
			value = "all of a space"
		}
	}
	if value == "" {
		return kind, "none"
	}
	return kind, "`" + value + "`"
}

// fieldComments reads the comments of the configuration's fields out of the
// source, by the path of the key.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	structs := map[string]*ast.StructType{}
	for _, name := range []string{"config.go", "auth.go", "workspace.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	comments := map[string]string{}
	var walk func(prefix, name string)
	walk = func(prefix, name string) {
		for _, f := range structs[name].Fields.List {
			if f.Tag == nil {
				continue
			}
			tag, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			path := strictyaml.Join(prefix, reflect.StructTag(tag).Get("yaml"))
			if kind, ok := f.Type.(*ast.Ident); ok && structs[kind.Name] != nil {
				walk(path, kind.Name)
				continue
			}
			if f.Doc == nil {
				continue
			}
			text := strings.Join(strings.Fields(f.Doc.Text()), " ")
			text = strings.TrimPrefix(text, f.Names[0].Name+" ")
			comments[path] = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
		}
	}
	walk("", "Config")
	walk("workspace.targets[]", "Target")
	return comments
}
