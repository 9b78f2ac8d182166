package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// finish makes the whole tree of commands complain about wrong uses in our
// words, the commands that cobra adds among it.
func finish(e *Env, root *cobra.Command) {
	root.SetFlagErrorFunc(wrongFlag)
	if root.HasSubCommands() {
		root.InitDefaultHelpCmd()
		root.InitDefaultCompletionCmd()
	}
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Run, cmd.Args, cmd.RunE = nil, cobra.ArbitraryArgs, help
		case "completion":
			e.Group(cmd)
			for _, shell := range cmd.Commands() {
				shell.Args = nil
			}
		}
	}
	checkArgs(root)
}

// help shows what a command does. Cobra's own exits with 0 for an unknown one.
func help(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	switch {
	case err != nil:
		return WrongUse(err)
	case len(rest) > 0:
		return WrongUse(unknownCommand(found, rest[0]))
	}
	found.InitDefaultHelpFlag()
	return found.Help()
}

// checkArgs makes complaints about arguments and empty flags complaints about the usage.
func checkArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = takesNone
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		return cmp.Or(checkFilled(cmd.Flags()), WrongUse(check(cmd, args)))
	}
	for _, child := range cmd.Commands() {
		checkArgs(child)
	}
}

// checkFilled refuses text that is empty, lest a script's variable that is empty
// means all.
func checkFilled(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		texts := []string{f.Value.String()}
		switch list, ok := f.Value.(pflag.SliceValue); {
		case ok && len(list.GetSlice()) > 0:
			texts = list.GetSlice()
		case ok:
			texts = []string{""}
		case f.Value.Type() != "string":
			return // its own words refused it, or it is a zero
		}
		if slices.ContainsFunc(texts, blank) {
			err = cmp.Or(err, Usage("--%s %q needs a value, or leave the flag out: %s", f.Name, "", takes(f)))
		}
	})
	return err
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

func takesNone(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return unknownCommand(cmd, args[0])
	}
	return fmt.Errorf("%s takes no arguments, got %q", called(cmd), args[0])
}

// called is the command's name below the program, which every complaint begins with.
func called(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// Takes accepts from least to limit arguments. what says what they are, with an
// example.
func Takes(least, limit int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fmt.Errorf("%s needs %s", called(cmd), what)
		case slices.ContainsFunc(args, blank):
			return fmt.Errorf("%s needs %s, and the argument is empty", called(cmd), what)
		case len(args) > limit:
			return fmt.Errorf("%s takes %s; %q is one argument too many", called(cmd), what, args[limit])
		}
		return nil
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q for %q", name, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		text += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// wrongFlag says what is wrong with a flag, and what it takes.
func wrongFlag(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		bare    *pflag.ValueRequiredError
		refused *pflag.InvalidValueError
		written *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &bare):
		return Usage("--%s needs a value: %s", bare.GetFlag().Name, takes(bare.GetFlag()))
	case errors.As(err, &refused):
		f := refused.GetFlag()
		var ours wanted
		switch {
		case errors.As(err, &ours):
		case f.Value.Type() == "stringSlice":
			ours = "want values separated by commas, without quotation marks"
		default:
			ours = wanted("want " + takes(f))
		}
		return Usage("--%s %q: %s", f.Name, refused.GetValue(), ours)
	case errors.As(err, &written):
		return Usage("%q is no flag: write it as --name, or --name=value", written.GetSpecifiedFlag())
	}
	return WrongUse(err)
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	dashes, name := "--", err.GetSpecifiedName()
	if short := err.GetSpecifiedShortnames(); short != "" {
		dashes = "-"
		name, _, _ = strings.Cut(short, "=")
	}
	text := fmt.Sprintf("unknown flag %s%s for %q", dashes, name, cmd.CommandPath())
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if near := strictyaml.Nearest(name, known); near != "" && len(name) > 1 {
		text += ": did you mean --" + near + "?"
	}
	return Usage("%s", text)
}

// wanted is why the value of a flag is refused: "want 1 to 50".
type wanted string

func (w wanted) Error() string { return string(w) }

// takes is what a flag takes, with an example.
func takes(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return fmt.Sprintf("true or false, such as --%s=false", f.Name)
	case "int":
		return "a whole number, such as 50"
	case "uint64":
		return "a whole number, not below 0, such as 7"
	case "float64":
		return "a number, such as 0.5"
	case "intSlice":
		return "whole numbers, separated by commas, such as 100,1000"
	case "duration":
		return aDuration
	case "time":
		return aTime
	}
	_, usage := pflag.UnquoteUsage(f)
	return usage
}
