package audit

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/archive"
	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// Open reads the configuration and opens the database for one command.
type Open func(context.Context, config.Need, func(*store.Store) error) error

// NewCommand is the commands of an auditor.
func NewCommand(env *cli.Env, open Open) *cobra.Command {
	return env.Group(&cobra.Command{
		Use:   "audit",
		Short: "Search who did what, when, where and on what, and prove that it is as it was recorded",
	}, newSearch(env, open), newShow(env, open), newExport(env, open), newActions(env), newVerify(env, open),
		newProve(env, open), newCheck(env), archive.NewCommand(env, open), newHold(env, open), newKey(env))
}

const maxLimit = 10_000

func newSearch(env *cli.Env, open Open) *cobra.Command {
	var r Request
	var presets, following bool
	var help strings.Builder
	for _, k := range query.Keys() {
		help.WriteString("\n  " + k[0] + ":" + strings.Repeat(" ", 12-len(k[0])) + k[1])
	}
	cmd := &cobra.Command{
		Use:   "search ['QUERY']",
		Short: "Print the records that a query matches, newest first",
		Long: `Search prints audit records: of the last 90 days, unless created: says since when.
A query is terms with spaces between, all of which have to be true: key:value, or
text that a message says or said. Of several values of a key, any has to be. A -
before a term leaves out what it matches. * in a value stands for anything, and
alone for anything known.
` + help.String() + `

What people wrote is not shown without --show-content, but how long it is. Who has
it shown, or searches for text, is in the audit log then. A query that begins with -
comes after --.`,
		Example: `  subscriber audit search 'space:"Team News" action:message.* -actor_kind:app created:>"2 days ago"'
  subscriber audit search preset:deleted-by-another -o csv`,
		Args: cli.Takes(0, 1, `one query: put it between ' and '`),
		RunE: func(cmd *cobra.Command, args []string) error {
			if presets {
				return printPresets(env)
			}
			if r.Limit < 1 || r.Limit > maxLimit {
				return cli.Usage("--limit %d: want 1 to %d", r.Limit, maxLimit)
			}
			text := strings.Join(args, "")
			if _, err := query.Parse(text, time.Now()); err != nil { // before the database is asked
				return cli.WrongUse(err)
			}
			if _, ok := timeOf(r.After); r.After != "" && !ok {
				return wrongID("--after", r.After)
			}
			switch {
			case following && (r.After != "" || cmd.Flags().Changed("limit")):
				return cli.Usage("--follow prints what arrives: leave out --after and --limit")
			case following && env.Format == cli.JSON:
				return cli.Usage("--follow has no end, as a JSON document has: say -o jsonl")
			case following:
				return open(cmd.Context(), config.ForAudit, func(db *store.Store) error { return printFollow(cmd.Context(), env, db, text, r) })
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error { return printSearch(cmd.Context(), env, db, text, r) })
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON, jsonLines, asCSV)
	flags := cmd.Flags()
	flags.StringVar(&r.After, "after", "", "id of a record: go on with those before it in time")
	flags.IntVar(&r.Limit, "limit", 50, "how many records to print")
	flags.BoolVar(&r.Content, "show-content", false, "show what messages say and said")
	flags.StringVar(&r.Reason, "reason", "", trail.ReasonUsage+", with --show-content or text to be found")
	flags.BoolVar(&following, "follow", false, "print what arrives from now on, until interrupted; takes the rights of spacekeeper_worker, too")
	flags.BoolVar(&presets, "presets", false, "list the queries that preset: knows")
	return cmd
}

func newActions(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "actions",
		Short: "List what records tell, and what it means",
		RunE: func(*cobra.Command, []string) error {
			return cli.Show(env, cli.List[query.Action]{
				Rows: query.Actions(),
				Columns: []cli.Column[query.Action]{
					{Title: "ACTION", Value: func(a query.Action) string { return a.Name }},
					{Title: "MEANING", Value: func(a query.Action) string { return a.Meaning }},
				},
				Name: func(a query.Action) string { return a.Name },
			})
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON, cli.Name)
	return cmd
}

func printPresets(env *cli.Env) error {
	return cli.Show(env, cli.List[query.Preset]{
		Rows: query.Presets(),
		Columns: []cli.Column[query.Preset]{
			{Title: "PRESET", Value: func(p query.Preset) string { return p.Name }},
			{Title: "FINDS", Value: func(p query.Preset) string { return p.Meaning }},
			{Title: "AS", Value: func(p query.Preset) string { return p.Query }},
		},
	})
}

// parse reads a query, with days of the reporting zone and names of the database.
func parse(ctx context.Context, db *store.Store, text string, now time.Time) (query.Query, error) {
	zone, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT zone
		FROM analytics.about`)
	if err != nil {
		return query.Query{}, err
	}
	if place, err := time.LoadLocation(strings.Join(zone, "")); err == nil {
		now = now.In(place)
	}
	q, err := query.Parse(text, now)
	if err == nil {
		q, err = q.Resolve(text, idOf(ctx, db))
	}
	if wrong := (*query.Error)(nil); errors.As(err, &wrong) {
		return query.Query{}, cli.WrongUse(err)
	}
	return q, err
}

func printSearch(ctx context.Context, env *cli.Env, db *store.Store, text string, r Request) (err error) {
	now := time.Now()
	if r.Query, err = parse(ctx, db, text, now); err != nil {
		return err
	}
	page, err := Search(ctx, db, r, now)
	if err != nil {
		return err
	}
	p := printer{env: env}
	if err := p.print(page.Records); err != nil {
		return err
	}
	switch {
	case page.More:
		env.Say("more: --after %s", page.Records[len(page.Records)-1].ID)
	case len(page.Records) == 0:
		env.Say("no records since %s", page.Since.UTC().Format(time.DateTime))
	default:
		env.Say("%s since %s", cli.Count(len(page.Records), "record"), page.Since.UTC().Format(time.DateTime))
	}
	return nil
}
