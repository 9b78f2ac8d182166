package draft

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
)

// orSet is what only holds where a configuration is read.
var orSet = regexp.MustCompile(` \(or set SPACEKEEPER_[A-Z_]+\)`)

// inFlags replaces the configuration's keys by the flags that say the same.
var inFlags = strings.NewReplacer(
	"auth.mode", "--auth", "auth.credentials_file", "--credentials-file", "auth.token_file", "--token-file", "auth.subject", "--subject",
	"pubsub.topic", "--topic", "pubsub.subscription", "--subscription", "database.dsn", "--database",
	"database.password_file", "--password-file", "keeper.on_added", "--follow",
)

// wrongFlags says of a configuration what is wrong with the flags that it was
// made of.
func wrongFlags(err error, flags *pflag.FlagSet) error {
	var bad *config.Error
	if !errors.As(err, &bad) {
		return err
	}
	list := []error{errors.New("nothing was written")}
	for _, m := range bad.Mistakes {
		text := inFlags.Replace(orSet.ReplaceAllString(m.Message, ""))
		switch rest, ok := strings.CutPrefix(text, "project "); {
		case ok && flags.Changed("project"):
			text = "--project " + rest
		case ok:
			text = "SPACEKEEPER_PROJECT " + rest
		case !strings.Contains(text, "--") && !strings.Contains(text, "pubsub."):
			text = "--watch " + text
		}
		list = append(list, fmt.Errorf("%s", text))
	}
	return cli.WrongUse(errors.Join(list...))
}
