// Package received prints events as they were received: the commands subscriber
// events.
//
// It promises that who prints them and why is in the trail before the first byte is
// printed, and that nothing is printed if it can't be. The caller opens the log.
package received

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// Open reads the configuration and opens the log for one command.
type Open func(context.Context, config.Need, func(*store.Store, *eventlog.Log) error) error

// NewCommand is the commands that print events as they were received. A space may be
// called by a name, which is resolved.
func NewCommand(env *cli.Env, open Open, resolve func(context.Context, *store.Store, string) (string, error)) *cobra.Command {
	return env.Group(&cobra.Command{
		Use:   "events",
		Short: "Print recorded events as they were received",
		Long: `Events prints the JSON that Google sent, as the log keeps it compressed. What
people wrote is in it: the audit log tells who had it printed. Characters that a
terminal obeys are written as escapes.`,
	}, newShow(env, open), newExport(env, open, resolve))
}

func newShow(env *cli.Env, open Open) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Print one event as it was received",
		Long: `Show takes the event's id, such as spaces/S/spaceEvents/E, or its key: event_key
in the view event_log. Where copies of it told different things, it prints each.`,
		Args: cli.Takes(1, 1, "an event's id, such as spaces/AAQA…/spaceEvents/…, or its key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := items.KeyOf(&events.Event{ID: args[0], Type: events.ChatPrefix}, "")
			if parsed, err := uuid.Parse(args[0]); err == nil {
				key = items.Key(parsed)
			}
			return open(cmd.Context(), config.ForEvents, func(db *store.Store, l *eventlog.Log) error {
				copies, err := l.Payloads(cmd.Context(), key)
				if errors.Is(err, originals.ErrNoPayload) {
					return fmt.Errorf("no event %s is recorded", args[0])
				}
				if err == nil {
					err = trail.Commit(cmd.Context(), db, trail.Action{Name: "access.raw_viewed", Target: args[0], Reason: reason})
				}
				if err == nil {
					_, err = fmt.Fprintf(env.JSONOut(), "%s\n", bytes.Join(copies, []byte("\n")))
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", trail.ReasonUsage)
	return cmd
}

func newExport(env *cli.Env, open Open, resolve func(context.Context, *store.Store, string) (string, error)) *cobra.Command {
	var f originals.Filter
	var since, until cli.Time
	var reason string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print events as they were received, one JSON line for each",
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range f.Types {
				if !events.IsShort(name) && strings.Count(name, ".") < 3 { // of a type that nobody has documented, too
					return cli.Usage("--type %q: want one of %s, one with a verb such as message.created, or a full name such as %s",
						name, strings.Join(events.Kinds(), ", "), events.TypeName(events.KindMessage, events.VerbCreated))
				}
			}
			if since.String() == "" {
				return cli.Usage("--since is missing: say how long ago, such as --since 14d, or a time")
			}
			now := time.Now()
			f.Since = since.Before(now)
			details := map[string]any{"since": f.Since, "types": f.Types}
			if until.String() != "" {
				f.Until = until.Before(now)
				details["until"] = f.Until
			}
			return open(cmd.Context(), config.ForEvents, func(db *store.Store, l *eventlog.Log) (err error) {
				if f.Space, err = resolve(cmd.Context(), db, f.Space); err != nil {
					return err
				}
				if err := trail.Commit(cmd.Context(), db, trail.Action{
					Name: "access.raw_viewed", Space: f.Space, Reason: reason, Details: details,
				}); err != nil {
					return err
				}
				return l.Export(cmd.Context(), f, env.JSONOut())
			})
		},
	}
	flags := cmd.Flags()
	flags.Var(&since, "since", "events since then: 14d or 12h ago, or a time")
	flags.Var(&until, "until", "events until then")
	flags.StringSliceVar(&f.Types, "type", nil, "only of this type: message, message.created or the full name; may be repeated")
	flags.StringVar(&f.Space, "space", "", "only in this space: its name, or what it is called")
	flags.StringVar(&reason, "reason", "", trail.ReasonUsage)
	return cmd
}
