package main

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
)

// newEvents is the commands that print events as they were received.
func newEvents(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{
		Use:   "events",
		Short: "Print recorded events as they were received",
		Long: `Events prints the JSON that Google sent, as the log keeps it compressed. What
people wrote is in it. Characters that a terminal obeys are written as escapes.`,
	}, newEventsShow(env), newEventsExport(env))
}

func newEventsShow(env *environment) *cobra.Command {
	return &cobra.Command{
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
			return env.withLog(cmd.Context(), config.ForEvents, func(_ *store.Store, l *eventlog.Log) error {
				copies, err := l.Payloads(cmd.Context(), key)
				if errors.Is(err, originals.ErrNoPayload) {
					return fmt.Errorf("no event %s is recorded", args[0])
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.JSONOut(), "%s\n", bytes.Join(copies, []byte("\n")))
				return err
			})
		},
	}
}

func newEventsExport(env *environment) *cobra.Command {
	var f originals.Filter
	var since, until cli.Time
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
			if until.String() != "" {
				f.Until = until.Before(now)
			}
			return env.withLog(cmd.Context(), config.ForEvents, func(db *store.Store, l *eventlog.Log) (err error) {
				if f.Space, err = resolveSpace(cmd.Context(), db, f.Space); err != nil {
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
	return cmd
}

// withLog reads the configuration and opens the event log for one command.
func (e *environment) withLog(ctx context.Context, need config.Need, use func(*store.Store, *eventlog.Log) error) error {
	cfg, err := e.Load(need)
	if err != nil {
		return err
	}
	return withEventLog(ctx, cfg, use)
}
