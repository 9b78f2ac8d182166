package importtest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// licences names the licences that a text consists of, by words that only they
// have. What we link may be under these and no others.
func licences(text string) (names []string) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	for _, known := range []struct{ name, words, without string }{
		{"Apache-2.0", "apache license", ""},
		{"MPL-2.0", "mozilla public license version 2.0", ""},
		{"MIT", "permission is hereby granted, free of charge", ""},
		{"BSD-3-Clause", "neither the name", ""},
		{"BSD-2-Clause", "redistribution and use in source and binary forms", "neither the name"},
		{"ISC", "permission to use, copy, modify, and/or distribute this software", ""},
		{"public domain", "put into the public domain", ""},
	} {
		if strings.Contains(text, known.words) && (known.without == "" || !strings.Contains(text, known.without)) {
			names = append(names, known.name)
		}
	}
	return names
}

// linked maps the modules that either binary holds, on any system that we build
// for, to their folders.
func linked(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}",
			"./cmd/subscriber", "./cmd/subscribe-setup")
		cmd.Dir, cmd.Env = root(t), append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("list the modules for %s: %v", system, err)
		}
		for line := range strings.Lines(string(out)) {
			if module, dir, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				found[module] = dir
			}
		}
	}
	return found
}

// file is the content of the first of a folder's files that is called so.
func file(t *testing.T, dir string, called *regexp.Regexp) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if called.MatchString(entry.Name()) {
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	return ""
}

var (
	licenceFile = regexp.MustCompile(`^LICEN[SC]E(\.txt|\.md)?$`)
	noticeFile  = regexp.MustCompile(`^NOTICE(\.txt|\.md)?$`)
)

// NOTICE names every module that the binaries hold, with its licence, and
// repeats what its authors ask to be repeated.
func TestLicences(t *testing.T) {
	t.Parallel()
	modules := linked(t)
	if len(modules) < 50 {
		t.Fatalf("modules: %v", modules)
	}
	var list, notices strings.Builder
	for _, module := range slices.Sorted(maps.Keys(modules)) {
		names := licences(file(t, modules[module], licenceFile))
		if len(names) == 0 {
			t.Errorf("%s: its licence isn't known: may we link it?", module)
		}
		fmt.Fprintf(&list, "  %-75s %s\n", module, strings.Join(names, ", "))
		if notice := strings.TrimSpace(file(t, modules[module], noticeFile)); notice != "" {
			fmt.Fprintf(&notices, "\n--- %s\n\n%s\n", module, strings.ReplaceAll(notice, "\r\n", "\n"))
		}
	}
	want := noticeHead + list.String() + noticeTail + notices.String()
	path := filepath.Join(root(t), "NOTICE")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("NOTICE lists other modules or licences than the binaries hold: run go test ./internal/importtest -run TestLicences -update (%v)", err)
	}
}

// Whoever finds a hole learns where to tell it.
func TestSecurityPolicy(t *testing.T) {
	t.Parallel()
	if policy := file(t, root(t), regexp.MustCompile(`^SECURITY\.md$`)); !strings.Contains(policy, "Report a vulnerability") {
		t.Errorf("SECURITY.md doesn't say how to report: %q", policy)
	}
}

const noticeHead = `Spacekeeper
Licensed under the Apache License 2.0: see LICENSE.

Its binaries hold the modules below. Each module's own LICENSE file, which comes
with its source, is what counts.

`

const noticeTail = `
The Go standard library is under BSD-3-Clause. What the authors of these modules
ask to be repeated:
`

func TestLicenceTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Apache License\n Version 2.0":                                        "Apache-2.0",
		"Permission is hereby granted,\n  free of charge":                     "MIT",
		"Redistribution and use in source and binary forms. Neither the name": "BSD-3-Clause",
		"Redistribution and use in source and binary forms":                   "BSD-2-Clause",
		"GNU AFFERO GENERAL PUBLIC LICENSE":                                   "",
		"All rights reserved.":                                                "",
		"":                                                                    "",
	} {
		if got := strings.Join(licences(text), ", "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What we require ourselves is a release, or go.mod says why it isn't.
func TestReleases(t *testing.T) {
	t.Parallel()
	required := regexp.MustCompile(`(?m)^\t(\S+) (v\S+)(.*)$`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	if len(required) < 50 {
		t.Fatalf("go.mod isn't understood: %v", required)
	}
	for _, r := range required {
		unreleased := regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}$`).MatchString(r[2])
		if unreleased && !strings.Contains(r[3], "// ") {
			t.Errorf("%s %s is no release: require one, or say why in a comment", r[1], r[2])
		}
	}
}
