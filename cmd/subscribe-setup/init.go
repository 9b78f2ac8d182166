package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/config/draft"
)

func newInit(env *environment) *cobra.Command {
	var a draft.Answers
	var noInput, force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a configuration file, after a few questions",
		Long: `Write a commented configuration file to where --config says, by default
spacekeeper.yaml. On a terminal, what no flag answers is asked. The file holds no
secret: it names the files that do.`,
		Example: `  subscribe-setup init
  subscribe-setup init --no-input --project my-project --watch spaces/AAQAtX4kZ1c --watch "name:Team *"
  subscribe-setup init --no-input --project my-project --auth user --token-file consent.json --watch spaces/-`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.Project == "" {
				a.Project = cmp.Or(env.Getenv("SPACEKEEPER_PROJECT"), env.Getenv("GOOGLE_CLOUD_PROJECT"))
			}
			return a.Write(cmd.Context(), &env.Env, cmd.Flags(), env.Interactive && !noInput, force)
		},
	}
	a.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&noInput, "no-input", false, "ask nothing")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return cmd
}
