package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// aFile is the argument of commands that look at a file of rules.
const aFile = "one file of rules, such as reactors.yaml"

func newReactorsLint(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "lint [FILE]",
		Short: "Look for mistakes in the rules",
		Args:  cli.Takes(0, 1, aFile),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			set, err := env.someRules(cfg, arg(args))
			var wrong *rules.Error
			if errors.As(err, &wrong) {
				for _, m := range wrong.Mistakes {
					env.Print("%s\n", m)
				}
				return fmt.Errorf("the rules have %s", cli.Count(len(wrong.Mistakes), "mistake"))
			}
			if err != nil {
				return err
			}
			env.Print("ok: %s, %s, hash %s\n", cli.Count(len(set.Rules()), "rule"), cli.Count(len(set.Tests()), "test"), set.Hash)
			env.Print("Next: subscriber reactors test\n")
			return nil
		},
	}
}

func newReactorsTest(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "test [FILE]",
		Short: "Run the tests that the file of rules holds",
		Long: `Test plays what each test gives, in virtual time and against nothing but what it
gives: no database and no Chat API are asked, and nothing is sent.`,
		Args: cli.Takes(0, 1, aFile),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			set, err := env.someRules(cfg, arg(args))
			if err != nil {
				return err
			}
			results, err := replay.Cases(cmd.Context(), set)
			if err != nil {
				return err
			}
			return env.tell(results)
		},
	}
}

// tell prints how tests came out.
func (e *environment) tell(results []replay.CaseResult) error {
	failed := 0
	for i := range results {
		c := &results[i]
		if c.Passed() {
			e.Print("PASS  %s: %s\n", c.Test.Reactor, c.Test.Name)
			continue
		}
		failed++
		e.Print("FAIL  %s: %s (line %d)\n", c.Test.Reactor, c.Test.Name, c.Test.Line)
		for _, p := range c.Mismatches {
			e.Print("      %s\n", strings.ReplaceAll(p, "\n", "\n      "))
		}
		e.Print("      what happened:\n")
		for _, line := range c.Story() {
			e.Print("        %s\n", cli.Clean(line))
		}
		if len(c.Entries) == 0 {
			e.Print("        nothing: no event pulled a trigger of the reactor\n")
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %s failed", failed, cli.Count(len(results), "test"))
	case len(results) == 0:
		e.Print("the file holds no tests\n")
	default:
		e.Print("%s passed\n", cli.Count(len(results), "test"))
	}
	return nil
}

func newReactorsSchema(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the file of rules, for editors",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			list, err := actions.List(cfg, nil, nil)
			if err != nil {
				return err
			}
			_, err = env.Out.Write(rules.JSONSchema(list))
			return err
		},
	}
}
