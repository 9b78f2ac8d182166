package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/proof"
)

func newKey(env *cli.Env) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "key FILE",
		Short: "Make the key that checkpoints are signed with",
		Long: `Key writes a new secret key into FILE, which proof.key_file names to the worker, and
its public part into FILE.pub, and prints that. It overwrites neither. Keep the
public part where whoever may change the database can't: audit verify and audit
check take it as --key.

If a key is lost, or to change it, make another of the same name, and keep both
public parts: the old one is for the checkpoints that were signed until then.`,
		Example: `  subscriber audit key --log example.com/chat /etc/spacekeeper/proof-key`,
		Args:    cli.Takes(1, 1, "the file to write the key into"),
		RunE: func(_ *cobra.Command, args []string) error {
			if name == "" {
				return cli.Usage("--log is missing: name the log, such as example.com/chat")
			}
			secret, public, err := proof.NewKey(name)
			if err != nil {
				return cli.WrongUse(err)
			}
			// The secret last: who has that has both.
			if err := writeNew(args[0]+".pub", public, 0o644); err != nil {
				return err
			}
			if err := writeNew(args[0], secret, 0o600); err != nil {
				return errors.Join(err, os.Remove(args[0]+".pub"))
			}
			env.Print("%s\n", public)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "log", "", "name of the log, which checkpoints say: a domain of yours, and what you like")
	return cmd
}

// writeNew writes a line into a file that isn't there yet.
func writeNew(path, line string, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // it has its other name
	_, err = file.WriteString(line + "\n")
	if err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err == nil {
		err = os.Link(file.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: a key is never overwritten, as what it has signed needs it", path)
	}
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return nil
}
