package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

// documented is the text of docs/subscribe-setup.md.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "subscribe-setup.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The document has every command with its flags, and no others.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	text := documented(t)
	_, table, _ := strings.Cut(text, "## Commands")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[string]string{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z ]+)` \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		rows[match[1]] = match[2]
	}
	commands := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() && !c.HasSubCommands() && elsewhere[c.Name()] == "" {
			commands[strings.TrimPrefix(c.CommandPath(), "subscribe-setup ")] = c
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRoot(&environment{}))
	for name, c := range commands {
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s is not documented", name)
			continue
		}
		for _, flag := range flagsIn(c.LocalNonPersistentFlags().FlagUsages()) {
			if flag != "help" && !strings.Contains(row, "`--"+flag) {
				t.Errorf("%s --%s is not documented", name, flag)
			}
		}
	}
	for name := range rows {
		if commands[name] == nil {
			t.Errorf("%s is documented and not there", name)
		}
	}
	for _, flag := range flagsIn(text) {
		known := false
		for _, c := range commands {
			known = known || c.Flags().Lookup(flag) != nil
		}
		if !known {
			t.Errorf("--%s is documented and not there", flag)
		}
	}
}

func flagsIn(text string) (names []string) {
	for _, match := range regexp.MustCompile("--([a-z][a-z-]+)").FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// elsewhere says where else commands are documented.
var elsewhere = map[string]string{"completion": "cobra", "help": "cobra"}

// The document names every field of what is printed as JSON.
func TestDocumentedFields(t *testing.T) {
	t.Parallel()
	text := documented(t)
	for _, document := range []any{report.Row{}, report.Plan{}, report.Status{}, report.SpaceRow{}} {
		for _, field := range fieldsOf(reflect.TypeOf(document)) {
			if !strings.Contains(text, "`"+field+"`") {
				t.Errorf("the field %s of %T is not documented", field, document)
			}
		}
	}
}

// fieldsOf lists the names that a type has in JSON, with those of its parts.
func fieldsOf(typ reflect.Type) (names []string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ.PkgPath() == "time" {
		return nil
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" {
			names = append(names, name)
		}
		if name != "" || f.Anonymous {
			names = append(names, fieldsOf(f.Type)...)
		}
	}
	return names
}

// Every command and flag that the documents name exists.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	help := func(args ...string) string {
		var out bytes.Buffer
		run(t.Context(), args, cli.Env{Out: &out, Err: &out, Getenv: func(string) string { return "" }})
		return out.String()
	}
	clitest.Documents(t, "subscribe-setup", help, []string{"init", "plan", "apply"}, "README.md", "docs/google-workspace.md", "docs/reactors.md")
}
