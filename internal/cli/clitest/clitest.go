// Package clitest compares the command lines that documents show with the
// commands that a program has.
package clitest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is a command line as a document shows it.
type command struct {
	program string
	words   []string
	flags   []string
}

// find returns the program's command lines in a document's code. A flag that
// stands alone in a line of a table or of a paragraph belongs to the command
// before it.
func find(text, program string) (found []command) {
	word := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	flag := regexp.MustCompile(`^(--[a-z][a-z-]*|-[a-z])$`)
	for line := range strings.Lines(text) {
		var last *command
		inCommand := false
		for _, token := range strings.Fields(strings.ReplaceAll(line, "`", " ` ")) {
			token = strings.TrimRight(token, ".,;:")
			name := strings.TrimPrefix(token, "./cmd/")
			switch {
			case strings.HasPrefix(token, "#"):
				inCommand = false
			case name == "subscriber" || name == "subscribe-setup":
				found = append(found, command{program: name})
				last, inCommand = &found[len(found)-1], true
			case token == "`":
				inCommand = false
			case inCommand && word.MatchString(token):
				last.words = append(last.words, token)
			case last != nil && flag.MatchString(token):
				last.flags = append(last.flags, token)
				inCommand = false // what follows is a value
			default:
				inCommand = false
			}
		}
	}
	return slices.DeleteFunc(found, func(c command) bool { return c.program != program })
}

// isCommand reports whether a help text is that of a command, or of one that
// takes the last word as its argument.
func isCommand(help string, words []string) bool {
	usage := func(words []string, rest string) bool {
		return regexp.MustCompile(`(?m)^  ` + strings.Join(words, " ") + rest).MatchString(help)
	}
	return usage(words, `( \[|$| [A-Z])`) || usage(words[:len(words)-1], ` \[?[A-Z]`)
}

// Documents fails t for each of the program's commands and flags that the
// documents name and the program doesn't have, and for each wanted command that
// none of them names. Documents are files below the root of the module, two
// folders up; run returns what the program prints.
func Documents(t *testing.T, program string, run func(args ...string) string, wanted []string, documents ...string) {
	t.Helper()
	for _, document := range documents {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(document)))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range find(string(text), program) {
			words := append([]string{program}, c.words...)
			path := strings.Join(words, " ")
			wanted = slices.DeleteFunc(slices.Clone(wanted), func(w string) bool { return program+" "+w == path })
			help := run(append(slices.Clone(c.words), "--help")...)
			if !isCommand(help, words) {
				t.Errorf("%s: there is no command %q:\n%s", document, path, help)
				continue
			}
			for _, flag := range c.flags {
				if !regexp.MustCompile(`(?m)^ +(-\w, )?` + flag + `\b`).MatchString(help) {
					t.Errorf("%s: %s has no flag %s", document, path, flag)
				}
			}
		}
	}
	for _, path := range wanted {
		t.Errorf("%v don't name %q", documents, program+" "+path)
	}
}

// Runbooks are the commands of a program that the runbooks have in their blocks of
// shell, each once, as arguments.
func Runbooks(t testing.TB, program string) (lines [][]string) {
	t.Helper()
	seen := map[string]bool{}
	for _, block := range Blocks(t, "sh", "docs/runbooks/*.md") {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if args, ours := strings.CutPrefix(line, program+" "); ours && !seen[line] {
				seen[line] = true
				lines = append(lines, strings.Fields(args))
			}
		}
	}
	if len(lines) == 0 {
		t.Errorf("the runbooks have no command of %s", program)
	}
	return lines
}

// Blocks are the blocks of code of a language in documents, named from the project's
// root; * stands for several.
func Blocks(t testing.TB, language string, documents ...string) (blocks []string) {
	t.Helper()
	for _, document := range documents {
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(document)))
		if err != nil || len(files) == 0 {
			t.Fatalf("there is no %s: %v", document, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
				blocks = append(blocks, m[1])
			}
		}
	}
	return blocks
}
