package audit

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/erasures"
)

// erasing says what of whom to erase.
type erasing struct {
	user, reason string
	dry, yes     bool
}

// NewEraseCommand is the command that erases a person.
func NewEraseCommand(env *cli.Env, open Open) *cobra.Command {
	var r erasing
	cmd := &cobra.Command{
		Use:   "erase --user users/U",
		Short: "Erase what a person wrote, and how they are called, everywhere",
		Long: `Erase takes what a person wrote, what apps told them, and their names and addresses out
of all that is stored, and whatever is told again later. Google's number of the
person stays, and so do all counts. The transparency log stays provable, and says
what was erased. Legal holds win: audit hold list shows them.

It can't be undone, and takes the rights of spacekeeper_owner. If it is interrupted,
the same command goes on with it. What it can't reach: docs/erasure.md.`,
		Example: `  subscriber erase --user users/117994873354375860089 --dry-run
  subscriber erase --user "Anna Berg" --reason "request 2026-17"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.user == "" {
				return cli.Usage("--user is missing: say whom to erase")
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error { return r.run(cmd.Context(), env, db) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.user, "user", "", "whom: users/U, or a name that one person has; required")
	flags.BoolVar(&r.dry, "dry-run", false, "count what would be erased, and change nothing")
	flags.StringVar(&r.reason, "reason", "", "why, for the audit trail: it may not name the person")
	flags.BoolVar(&r.yes, "yes", false, "don't ask")
	return cmd
}

func (r erasing) run(ctx context.Context, env *cli.Env, db *store.Store) error {
	user, err := findActor(ctx, db, r.user)
	if err != nil {
		return cli.Usage("--user %q: %v", r.user, err)
	}
	x, err := erasures.New(db)
	if err != nil {
		return err
	}
	archived, err := x.Archived(ctx, user)
	if err != nil {
		return err
	}
	if len(archived) > 0 {
		defer env.Say("What the archives have of %s isn't erased: %s", user, strings.Join(archived, ", "))
	}
	if r.dry || !r.yes {
		counts, err := x.Preview(ctx, user)
		if err != nil {
			return err
		}
		if r.dry {
			return printErased(env, user, "would be erased", counts)
		}
		if !env.Interactive {
			return errors.New("nobody is there to agree: add --yes once you have seen --dry-run")
		}
		aside := *env
		aside.Out = env.Err // it isn't the result
		if err := printErased(&aside, user, "would be erased", counts); err != nil {
			return err
		}
		if yes, err := env.Confirm(ctx, "Erase it for good?"); err != nil || !yes {
			return cmp.Or(err, errors.New("nothing was erased"))
		}
	}
	counts, err := x.Erase(ctx, user, r.reason, func(part string) { env.Say("erasing in %s", part) })
	if err != nil {
		return err
	}
	return printErased(env, user, "erased", counts)
}

func printErased(env *cli.Env, user, what string, counts erasures.Counts) error {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > 0 {
			rows = append(rows, []string{name, strconv.Itoa(counts[name])})
		}
	}
	if len(rows) == 0 {
		env.Print("Nothing of %s %s: nothing is left but the number.\n", user, what)
		return nil
	}
	env.Print("Of %s %s, by rows:\n", user, what)
	return env.Rows([]string{"WHAT", "ROWS"}, rows)
}
