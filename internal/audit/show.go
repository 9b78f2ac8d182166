package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// look says what of a record is shown.
type look struct {
	content, raw, members bool
	reason                string
}

func newShow(env *cli.Env, open Open) *cobra.Command {
	var l look
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Print one record whole",
		Long: `Show prints all that a record tells. An id may be cut, as audit search does. With
--show-content it prints what a message said before and after, with - and + before
what differs. With --raw it prints the JSON that Google sent, and nothing else. Who
has either printed is in the audit log.`,
		Args: cli.Takes(1, 1, "the id of a record, as audit search shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, ok := timeOf(args[0]); !ok {
				return wrongID("show", args[0])
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error {
				return printRecord(cmd.Context(), env, db, args[0], l)
			})
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	flags := cmd.Flags()
	flags.BoolVar(&l.content, "show-content", false, "show what the message says and said")
	flags.BoolVar(&l.raw, "raw", false, "print the event as it was received; takes the rights of spacekeeper_worker, too")
	flags.StringVar(&l.reason, "reason", "", trail.ReasonUsage+", with --show-content or --raw")
	flags.BoolVar(&l.members, "members", false, "list who was in the space at that moment")
	return cmd
}

// Find returns the record with an id, or with one that begins so.
func Find(ctx context.Context, db *store.Store, id string, content bool) (r query.Record, err error) {
	at, ok := timeOf(id)
	if !ok {
		return r, wrongID("show", id)
	}
	var found []query.Record
	err = pgx.BeginTxFunc(ctx, db.Pool(), pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if content {
			if err := mayRead(ctx, tx); err != nil {
				return err
			}
		}
		f := filter{}
		f.conditions = append(f.conditions, "record_id >= "+f.bind(id)+" AND record_id < "+f.bind(id+"\x7f"))
		rows, _ := tx.Query(ctx, f.sql(columns), f.values(at, at.Add(time.Microsecond), 2)...)
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[query.Record])
		return err
	})
	switch {
	case err != nil:
		return r, fmt.Errorf("read the record %s: %w", id, err)
	case len(found) == 0:
		return r, fmt.Errorf("there is no record %s, or this role may not see it", id)
	case len(found) > 1 && found[1].ID != id:
		return r, cli.Usage("more than one record begins with %s, such as %s and %s", id, found[1].ID, found[0].ID)
	}
	found = found[len(found)-1:]
	if !content {
		hide(found)
	}
	return found[0], nil
}

func printRecord(ctx context.Context, env *cli.Env, db *store.Store, id string, l look) error {
	r, err := Find(ctx, db, id, l.content || l.raw)
	if err != nil {
		return err
	}
	if l.raw {
		return printRaw(ctx, env, db, r, l.reason)
	}
	if l.content {
		if err := commit(ctx, db, "access.content_viewed", r, l.reason); err != nil {
			return err
		}
	}
	var members []member
	if l.members {
		if members, err = membersAt(ctx, db, r); err != nil {
			return err
		}
	}
	if env.Format == cli.JSON {
		return env.Encode(shown{r, members})
	}
	printFields(env, r)
	if err := printTexts(env, r); err != nil {
		return err
	}
	if l.members {
		env.Print("\n%s in the space at that moment\n", cli.Count(len(members), "member"))
		for _, m := range members {
			env.Print("  %s\n", called(m.Name, &m.ID, ""))
		}
	}
	return nil
}

// commit says in the trail what of a record is about to be shown.
func commit(ctx context.Context, db *store.Store, action string, r query.Record, reason string) error {
	return trail.Commit(ctx, db, trail.Action{Name: action, Target: r.ID, Space: called(r.SpaceID, nil, ""), Reason: reason})
}

// shown is what show prints as JSON.
type shown struct {
	query.Record
	Members []member `json:"members,omitempty"`
}

// member is somebody in a space.
type member struct {
	ID   string  `json:"member_id"`
	Name *string `json:"display_name"`
}

// membersAt are those who were in the space of a record at its time, as far as that
// is known. Who joins is among them, who leaves isn't.
func membersAt(ctx context.Context, db *store.Store, r query.Record) ([]member, error) {
	if r.SpaceID == nil {
		return nil, cli.Usage("--members: the record is about no space")
	}
	list, err := store.List(ctx, db, pgx.RowToStructByPos[member], `
		SELECT m.member_id, (SELECT d.display_name FROM analytics.dim_members d WHERE d.member_id = m.member_id) AS display_name
		FROM analytics.fct_memberships m
		WHERE m.space_id = $1 AND m.known_at <= $2 AND (m.left_at > $2 OR m.left_at IS NULL)
		ORDER BY display_name, m.member_id`, *r.SpaceID, r.OccurredAt)
	if err != nil {
		return nil, fmt.Errorf("list the members of that moment: %w", err)
	}
	return list, nil
}

// printRaw prints the bytes of the event that a record comes from.
func printRaw(ctx context.Context, env *cli.Env, db *store.Store, r query.Record, reason string) error {
	source := r.ID[idTime:]
	if source[0] != 'e' && source[0] != 'm' || len(source) < 34 {
		return fmt.Errorf("the record %s comes from no event: %s told it", r.ID, r.ToldBy)
	}
	key, err := uuid.Parse(source[1:33])
	if err != nil {
		return wrongID("show", r.ID)
	}
	l, err := eventlog.New(db, nil, nil)
	if err != nil {
		return err
	}
	copies, err := l.Payloads(ctx, items.Key(key))
	if errors.Is(err, originals.ErrNoPayload) {
		return fmt.Errorf("the event of the record %s has no bytes any more", r.ID)
	}
	if err == nil {
		err = commit(ctx, db, "access.raw_viewed", r, reason)
	}
	if err == nil {
		_, err = fmt.Fprintf(env.JSONOut(), "%s\n", bytes.Join(copies, []byte("\n")))
	}
	return err
}

func printFields(env *cli.Env, r query.Record) {
	line := func(title, text string) {
		if text != "" {
			env.Print("%-12s %s\n", title, text)
		}
	}
	named := func(name, id *string) string {
		switch {
		case name != nil && id != nil:
			return *name + " (" + *id + ")"
		case id != nil:
			return *id
		}
		return ""
	}
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format("2006-01-02 15:04:05.999999 MST")
	}
	line("id", r.ID)
	line("action", r.Action)
	line("occurred", at(&r.OccurredAt))
	line("recorded", at(r.RecordedAt))
	line("actor", strings.TrimSpace(named(r.ActorName, r.ActorID)+" "+r.ActorKind))
	line("space", named(r.SpaceName, r.SpaceID))
	line("target", r.TargetType+" "+named(r.TargetName, r.TargetID))
	line("thread", called(r.ThreadID, nil, ""))
	line("sent", at(r.TargetCreatedAt))
	line("source", r.Source+", told by "+r.ToldBy)
	for _, state := range []struct {
		title string
		text  []byte
	}{{"before", r.Prior}, {"after", r.Resulting}} {
		values := fields(state.text)
		delete(values, "text")
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			parts = append(parts, name+" "+values[name])
		}
		line(state.title, strings.Join(parts, ", "))
	}
	if r.Changed != nil {
		line("changed", cmp.Or(strings.Join(r.Changed, ", "), "nothing that is told apart"))
	}
}

// printTexts prints what a message said before and after, as a diff.
func printTexts(env *cli.Env, r query.Record) error {
	before, after := r.Before().Text, r.After().Text
	if before == nil && after == nil {
		return nil
	}
	lines := func(text *string) []string {
		if text == nil {
			return nil
		}
		return strings.Split(*text, "\n")
	}
	env.Print("\n")
	for _, l := range diff(lines(before), lines(after)) {
		colour := map[byte]cli.Colour{'-': cli.Red, '+': cli.Green}[l[0]]
		env.Print("%s\n", cli.Cell{Text: l, Colour: colour})
	}
	return nil
}

// maxDiff is how many lines two texts may have together that are compared line by
// line: of longer ones, all of the old is followed by all of the new.
const maxDiff = 2000

// diff lists the lines of two texts, with -, + or a space before each.
func diff(old, now []string) (lines []string) {
	same := make([][]int, len(old)+1) // how many lines both have from here on, in order
	for i := range same {
		same[i] = make([]int, len(now)+1)
	}
	if len(old)+len(now) <= maxDiff {
		for i := len(old) - 1; i >= 0; i-- {
			for j := len(now) - 1; j >= 0; j-- {
				same[i][j] = max(same[i+1][j], same[i][j+1])
				if old[i] == now[j] {
					same[i][j] = same[i+1][j+1] + 1
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case i < len(old) && j < len(now) && old[i] == now[j]:
			lines = append(lines, "  "+old[i])
			i, j = i+1, j+1
		case i < len(old) && (j == len(now) || same[i+1][j] >= same[i][j+1]):
			lines = append(lines, "- "+old[i])
			i++
		default:
			lines = append(lines, "+ "+now[j])
			j++
		}
	}
	return lines
}
