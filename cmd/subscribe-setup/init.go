package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors/examples"
)

func newInit(env *environment) *cobra.Command {
	var a answers
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
				a.Project = env.Getenv("GOOGLE_CLOUD_PROJECT")
			}
			return env.init(cmd, &a, env.Asks && !noInput, force)
		},
	}
	a.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&noInput, "no-input", false, "ask nothing")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return cmd
}

func (e *environment) init(cmd *cobra.Command, a *answers, asks, force bool) error {
	path := e.ConfigPath
	if path == "" {
		path = config.DefaultPath
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s is there already: --force replaces it, --config names another", path)
	}
	a.path = path
	if asks {
		e.Say("This writes %s. Enter takes what is in brackets.\n", path)
		if err := e.interview(cmd.Context(), cmd.Flags(), a); err != nil {
			return fmt.Errorf("nothing was written: %w", err)
		}
	}
	if missing := a.missing(); missing != "" {
		return cli.Usage("nothing was written: %s", missing)
	}
	cfg := a.config()
	if err := problemsOf(cfg, config.ForApply, config.ForWorker); err != nil {
		return err
	}
	text, err := render(a, cfg)
	if err != nil {
		return err
	}
	if err := writeNew(path, text, force); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if a.Welcome {
		if err := e.writeRules(cfg.Reactors.File); err != nil {
			return err
		}
	}
	for _, file := range absent(cfg) {
		e.Say("%s isn't here; it has to be where Spacekeeper runs.", file)
	}
	option := ""
	if e.ConfigPath != "" {
		option = " --config " + e.ConfigPath
	}
	e.Say("Wrote %s.", path)
	e.Say("Next: subscribe-setup doctor --pre%s", option)
	return nil
}

// writeRules writes the first rules, in shadow mode: what they would say can be
// seen before they say it. Rules that are there already stay.
func (e *environment) writeRules(path string) error {
	text, err := examples.Read("welcome.yaml")
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		e.Say("%s is there already and stays as it is.", path)
		return nil
	}
	if err := writeNew(path, text, false); err != nil {
		return fmt.Errorf("write the rules: %w", err)
	}
	e.Say("Wrote %s: its rule is in shadow mode, so that nothing is sent. subscriber reactors preview welcome shows what it will say.", path)
	return nil
}
