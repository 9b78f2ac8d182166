package archive

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// NewCommand is the command that archives a month.
func NewCommand(env *cli.Env, open func(context.Context, config.Need, func(*store.Store) error) error) *cobra.Command {
	var month, dir, reason string
	var keep bool
	cmd := &cobra.Command{
		Use:   "archive --month MONTH --to DIRECTORY",
		Short: "Write what was received in a month to files, and take it out of the database",
		Long: `Archive writes the bytes of all events of a month (UTC) to a directory of its own
below the one that --to names, with what proves that they are those in the log. It
reads that back, and only then takes the bytes out of the database; the rows of the
events, all that followed from them, numbers and the proof stay. It takes the rights
of spacekeeper_owner. Months are archived from the oldest on, each 40 days after it
ended.`,
		Example: `  subscriber audit archive --month 2026-08 --to /srv/archive
  subscriber audit archive --month 2026-08 --to /srv/archive --keep`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, err := time.Parse(Name, month)
			if err != nil {
				return cli.Usage("--month %q: want a month such as 2026-08", month)
			}
			if dir == "" {
				return cli.Usage("--to: want the directory that gets the archive")
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error {
				return archive(cmd.Context(), env, db, since, dir, keep, reason)
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "the month, such as 2026-08")
	cmd.Flags().StringVar(&dir, "to", "", "the directory that gets one for the month")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the trail")
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the bytes in the database, too")
	return cmd
}

func archive(ctx context.Context, env *cli.Env, db *store.Store, since time.Time, dir string, keep bool, reason string) error {
	if err := Check(ctx, db, since); err != nil {
		return err
	}
	written, err := Write(ctx, db, since, dir)
	if err != nil {
		return err
	}
	m, err := Read(written)
	if err != nil {
		return err
	}
	env.Print("%s has %s, %d bytes each; it was read back, and is what the log of %d leaves has.\n",
		written, cli.Count(int(m.Events), "event"), m.Size/max(1, m.Events), m.Leaves)
	if keep {
		return nil
	}
	if err := Drop(ctx, db, m, written, reason); err != nil {
		return err
	}
	env.Print("Their bytes aren't in the database any more. Keep the directory where they were.\n")
	return nil
}
