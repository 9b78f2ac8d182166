package clitest

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands lists all commands of a tree, groups and cobra's own among them, by
// their paths without the program's name.
func Commands(root *cobra.Command) map[string]*cobra.Command {
	root.SetOut(io.Discard)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	all := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		all[strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), root.Name()))] = c
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(root)
	return all
}

// Any marks a flag or a command of which nothing that is given can be wrong
// before the configuration is read.
const Any = "any"

// WrongUses are command lines that a program must refuse before it looks at
// anything else: for each command of the tree an unknown flag, arguments that it
// doesn't take, an empty one, too few of them, flags without their values, empty
// ones, and a wrong value for each flag.
//
// right are arguments with which a command can be called, by its path, where it
// needs some; wrong are values that flags which take text refuse, by "path
// --flag" or by "--flag" for all commands. t fails for what is missing there.
func WrongUses(t *testing.T, root *cobra.Command, right map[string][]string, wrong map[string]string) (lines [][]string) {
	t.Helper()
	all := Commands(root)
	used := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		cmd := all[path]
		add := func(args ...string) { lines = append(lines, append(strings.Fields(path), args...)) }
		add("--nonsense")
		add("what", "is", "this")
		needs := cmd.HasSubCommands() && path != "reactors runs" || regexp.MustCompile(`^\S+ [^[]`).MatchString(cmd.Use)
		if needs {
			add()
		}
		if _, ok := right[path]; ok {
			add("")
		}
		if args, ok := right[path]; needs && !cmd.HasSubCommands() && (!ok || len(args) == 0) {
			t.Errorf("%s: arguments are needed with which it can be called", path)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return
			}
			if f.NoOptDefVal == "" {
				add("--" + f.Name)
			}
			if f.Value.Type() != "string" && f.Value.Type() != "stringSlice" && f.Value.Type() != "stringArray" {
				add("--" + f.Name + "=?")
				return
			}
			add(append(slices.Clone(right[path]), "--"+f.Name+"=")...)
			key := strings.TrimSpace(path + " --" + f.Name)
			value, ok := wrong[key]
			if !ok {
				key = "--" + f.Name
				value, ok = wrong[key]
			}
			switch used[key] = true; {
			case !ok:
				t.Errorf("%s --%s: a value is needed that is refused, or Any", path, f.Name)
			case value != Any:
				add(append(slices.Clone(right[path]), "--"+f.Name+"="+value)...)
			}
		})
	}
	for key := range wrong {
		if !used[key] {
			t.Errorf("there is no flag %s", key)
		}
	}
	for path := range right {
		if all[path] == nil {
			t.Errorf("there is no command %s", path)
		}
	}
	return lines
}

// library is how Go's libraries speak, and no person.
var library = regexp.MustCompile(`strconv\.|invalid argument|invalid syntax|arg\(s\)|parse error|flag needs|%[0-9A-F]{2}|<nil>|%!`)

// CheckWords fails t if a library speaks.
func CheckWords(t *testing.T, command, text string) {
	t.Helper()
	if words := library.FindString(text); words != "" {
		t.Errorf("%s: a library speaks (%q):\n%s", command, words, text)
	}
}

// Same collects what commands say, and puts those together that say the same.
type Same struct {
	said     []string
	commands map[string][]string
}

// Add adds a command line and what it says.
func (s *Same) Add(command, says string) {
	if s.commands == nil {
		s.commands = map[string][]string{}
	}
	if s.commands[says] == nil {
		s.said = append(s.said, says)
	}
	s.commands[says] = append(s.commands[says], command)
}

func (s *Same) String() string {
	var b strings.Builder
	for _, says := range s.said {
		for _, c := range s.commands[says] {
			fmt.Fprintf(&b, "$ %s\n", c)
		}
		b.WriteString(says + "\n")
	}
	return b.String()
}
