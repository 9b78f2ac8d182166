package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// Whatever a command is given that it doesn't take, it says so, and exits as one
// that was called wrongly.
func TestWrongUseOfEveryCommand(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, dir: t.TempDir(), env: map[string]string{}}
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		wrong := func(args ...string) { x.run(cli.Misused, append(slices.Clone(path), args...)...) }
		wrong("--nonsense")
		wrong("what", "is", "this")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "string" && f.Name != "help" {
				wrong("--" + f.Name + "=?")
			}
		})
		for _, child := range cmd.Commands() {
			walk(child, append(slices.Clone(path), child.Name()))
		}
	}
	walk(newRoot(&environment{}), nil)
	x.compare("wrong-use-of-every-command")
}
