package draft

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors/examples"
)

// Write writes the file that --config names, and the rules if they are wanted.
// On a terminal it first asks what no flag has answered. Without force it
// replaces no file.
func (a *Answers) Write(ctx context.Context, e *cli.Env, flags *pflag.FlagSet, interactive, force bool) error {
	path := e.ConfigPath
	if path == "" {
		path = config.DefaultPath
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s is there already: --force replaces it, --config names another", path)
	}
	a.Path = path
	if interactive {
		e.Say("This writes %s. Enter takes what is in brackets.\n", path)
		if err := a.interview(ctx, e, flags); err != nil {
			return fmt.Errorf("nothing was written: %w", err)
		}
	}
	if missing := a.missing(); missing != "" {
		return cli.Usage("nothing was written: %s", missing)
	}
	cfg := a.Config()
	if err := check(cfg, config.ForApply, config.ForWorker); err != nil {
		return wrongFlags(err, flags)
	}
	text, err := render(a, cfg)
	if err != nil {
		return err
	}
	if err := writeNew(path, text, force); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if a.Welcome {
		if err := writeRules(e, cfg.Reactors.File); err != nil {
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
	e.Say("Next: subscriber migrate up%[1]s, then subscribe-setup doctor --pre%[1]s; subscribe-setup spaces list%[1]s shows what could be watched", option)
	return nil
}

// writeRules writes the first rules, in shadow mode: people see what they would
// say before they say it. Rules that are there already stay.
func writeRules(e *cli.Env, path string) error {
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
