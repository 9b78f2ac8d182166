package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

func newProve(env *cli.Env, open Open) *cobra.Command {
	var raw bool
	var reason string
	cmd := &cobra.Command{
		Use:   "prove ID",
		Short: "Print the proof that a record is in the log, for whoever has its key",
		Long: `Prove prints a JSON document: what the log has of the record, and its path to the
newest signed checkpoint. Who has the public part of the log's key checks it by
audit check, without the database. What was received is not in it without --raw,
which the audit log tells. It takes the rights of spacekeeper_worker.`,
		Example: `  subscriber audit prove 0660b3fc62a680ebe0054a > proof.json
  subscriber audit check proof.json --key proof-key.pub`,
		Args: cli.Takes(1, 1, "the id of a record, as audit search shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, ok := timeOf(args[0]); !ok {
				return wrongID("prove", args[0])
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error {
				return prove(cmd.Context(), env, db, args[0], raw, reason)
			})
		},
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "with what was received, in which is what people wrote")
	cmd.Flags().StringVar(&reason, "reason", "", trail.ReasonUsage+", with --raw")
	return cmd
}

func prove(ctx context.Context, env *cli.Env, db *store.Store, id string, raw bool, reason string) error {
	r, err := Find(ctx, db, id, raw)
	if err != nil {
		return err
	}
	ref := proofs.Ref{Kind: proofs.Event, Time: r.OccurredAt.UnixMicro()}
	source, ordinal := r.ID[idTime:], ""
	switch {
	case strings.HasPrefix(source, "a"):
		ref.Kind = proofs.Action
	case strings.ContainsAny(source[:1], "em") && len(source) > 33:
		ordinal = source[33:]
	default:
		return fmt.Errorf("the record %s is in no leaf of the log: it follows from others, which are (%s told it)", r.ID, r.ToldBy)
	}
	key, err := uuid.Parse(source[1:min(33, len(source))])
	if err != nil {
		return wrongID("prove", r.ID)
	}
	ref.Key = key
	if n, err := strconv.ParseInt(ordinal, 10, 16); err == nil {
		ref.Ordinal = int16(n)
	}
	if raw {
		if err := commit(ctx, db, "access.raw_viewed", r, reason); err != nil {
			return err
		}
	}
	document, err := proofs.New(db).Prove(ctx, ref, raw)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(env.JSONOut(), "%s\n", text)
	}
	return err
}

func newCheck(env *cli.Env) *cobra.Command {
	var list []string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a proof that audit prove has printed, without the database",
		Long: `Check tells whether the record in a proof is in the log whose key is given, and
what it says. It asks nobody, and exits with 1 if anything was changed.`,
		Example: `  subscriber audit check proof.json --key proof-key.pub`,
		Args:    cli.Takes(1, 1, "the file with the proof"),
		RunE: func(_ *cobra.Command, args []string) error {
			keys, err := readKeys(list)
			if err == nil && len(keys) == 0 {
				err = cli.Usage("--key is missing: whoever signed a proof, it is right by a key of theirs")
			}
			if err != nil {
				return err
			}
			text, err := readfile.Regular(args[0], readfile.Plan)
			if err != nil {
				return err
			}
			d, err := proof.ReadDocument(text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			c, err := d.Check(keys...)
			if err != nil {
				return fmt.Errorf("%s is not proven: %w", args[0], err)
			}
			env.Print("Proven: it is leaf %d of the log %s, at its checkpoint of %d leaves.\n\n", d.Index, c.Origin, c.Size)
			line := func(name, value string) { env.Print("%-15s %s\n", name, value) }
			line("kind", d.Kind)
			for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
				if value := d.Fields[name]; value != nil {
					line(name, *value)
				}
			}
			switch {
			case d.Content != nil:
				line("content", fmt.Sprintf("%d bytes, as they were received", len(d.Content)))
			case d.ContentHash != nil:
				line("content", "not shown")
			}
			return nil
		},
	}
	keyFlag(cmd, &list)
	return cmd
}
