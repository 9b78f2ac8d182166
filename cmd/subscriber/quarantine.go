package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// newQuarantine is the commands about messages that could not be recorded.
func newQuarantine(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{
		Use:   "quarantine",
		Short: "See messages that could not be recorded, and record them after all",
	}, newQuarantineList(env), newQuarantineShow(env), newQuarantineRetry(env))
}

// withMender reads the configuration and opens what mends the database.
func (e *environment) withMender(ctx context.Context, need config.Need, use func(*mend.Mender) error) error {
	return e.withLog(ctx, need, func(db *store.Store, l *eventlog.Log) error { return use(mend.New(db, l)) })
}

// quarantined is a message in quarantine, without what it holds.
type quarantined struct {
	Key        uuid.UUID     `json:"key"`
	ReceivedAt time.Time     `json:"received_at"`
	MessageID  string        `json:"message_id,omitempty"`
	Reason     events.Reason `json:"reason"`
	Detail     string        `json:"detail"`
	Type       string        `json:"type,omitempty"`
	Bytes      int           `json:"bytes"`
}

func newQuarantineList(env *environment) *cobra.Command {
	var f mend.Filter
	var reason string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List messages in quarantine, the newest first",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Max < 1 {
				return cli.Usage("--limit %d: want 1 or more, such as 50", f.Max)
			}
			f.Reason = events.Reason(reason)
			return env.withMender(cmd.Context(), config.ForQuarantine, func(m *mend.Mender) error {
				kept, err := m.Quarantine(cmd.Context(), f)
				if err != nil {
					return err
				}
				list := make([]quarantined, 0, len(kept))
				var rows [][]string
				for _, k := range kept {
					q := quarantined{k.Key, k.ReceivedAt, k.MessageID, k.Reason, k.Detail, k.Attributes["ce-type"], len(k.Data)}
					list = append(list, q)
					at := q.ReceivedAt.UTC().Format("01-02 15:04:05")
					rows = append(rows, []string{q.Key.String(), at, q.MessageID, string(q.Reason), cli.Shorten(q.Detail, 60)})
				}
				switch {
				case env.Format == cli.JSON:
					return env.Encode(list)
				case len(rows) == 0:
					fmt.Fprintln(env.Out, "there are none")
					return nil
				}
				if err := env.Rows([]string{"KEY", "RECEIVED", "MESSAGE", "REASON", "DETAIL"}, rows); err != nil {
					return err
				}
				fmt.Fprintln(env.Out, "Next: subscriber quarantine show KEY, subscriber quarantine retry")
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "only for this reason, such as bad_json")
	cmd.Flags().IntVar(&f.Max, "limit", 50, "how many at most")
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}

func newQuarantineShow(env *environment) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "show KEY",
		Short: "Print a message in quarantine, whole",
		Long:  "Show prints the message's attributes and its data. What people wrote is in it: the audit log tells who saw it.",
		Args:  cli.Takes(1, 1, "the key of a message (subscriber quarantine list shows them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			named, err := mend.Keys(args)
			if err != nil {
				return cli.WrongUse(err)
			}
			return env.withLog(cmd.Context(), config.ForQuarantine, func(db *store.Store, l *eventlog.Log) error {
				list, err := mend.New(db, l).Quarantine(cmd.Context(), mend.Filter{Keys: named, Max: 1})
				if err != nil {
					return err
				}
				if len(list) == 0 {
					return fmt.Errorf("no message %s is in quarantine", args[0])
				}
				if err := trail.Commit(cmd.Context(), db, trail.Action{Name: "access.raw_viewed", Target: args[0], Reason: reason}); err != nil {
					return err
				}
				env.printQuarantined(list[0])
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", trail.ReasonUsage)
	return cmd
}

func (e *environment) printQuarantined(k mend.Kept) {
	fmt.Fprintf(e.Out, "reason      %s: %s\nreceived    %s\n", k.Reason, cli.Clean(k.Detail), k.ReceivedAt.Format(time.RFC3339))
	if !k.PublishTime.IsZero() {
		fmt.Fprintf(e.Out, "published   %s\n", k.PublishTime.Format(time.RFC3339))
	}
	if k.MessageID != "" {
		fmt.Fprintf(e.Out, "message     %s\n", cli.Clean(k.MessageID))
	}
	if k.OrderingKey != "" {
		fmt.Fprintf(e.Out, "order       %s\n", cli.Clean(k.OrderingKey))
	}
	for _, name := range slices.Sorted(maps.Keys(k.Attributes)) {
		fmt.Fprintf(e.Out, "attribute   %s: %s\n", cli.Clean(name), cli.Clean(k.Attributes[name]))
	}
	if utf8.Valid(k.Data) {
		fmt.Fprintf(e.Out, "\n%s\n", cli.Clean(string(k.Data)))
	} else {
		fmt.Fprintf(e.Out, "\n%q\n", k.Data)
	}
}

func newQuarantineRetry(env *environment) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "retry [KEY]...",
		Short: "Decode and record messages in quarantine anew",
		Long: `Retry decodes messages anew, all or those that are named, and records those that
this version can read or the database now takes. Each gets the key that it would
have had, so nothing is recorded twice. No rule is asked about them: nobody is
greeted for what is old. What is refused again stays where it is.

It may run beside the worker, be interrupted and be run again at any time.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			named, err := mend.Keys(args)
			if err != nil {
				return cli.WrongUse(err)
			}
			return env.withMender(cmd.Context(), config.ForQuarantine, func(m *mend.Mender) error {
				r, err := m.Retry(cmd.Context(), mend.Filter{Keys: named, Reason: events.Reason(reason)})
				fmt.Fprintf(env.Out, "%d recorded, %d recorded before, %d still in quarantine\n", r.Recorded, r.Duplicates, r.Kept)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "only for this reason, such as rejected_by_database")
	return cmd
}
