package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

func newVerify(env *cli.Env, open Open) *cobra.Command {
	var against []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Tell whether all that was recorded is as it was",
		Long: `Verify computes the transparency log anew from all events and all that is in
quarantine, and names what was changed, taken out or put in. It ends with exit code 1
if there is any. It reads the log itself, which takes the rights of
spacekeeper_worker.

Who may change everything may also write the whole log anew. So keep the root that
verify prints where they can't reach it, and hold the log against it later: it also
shows a database that was set back.`,
		Example: `  subscriber audit verify
  subscriber audit verify --against 12433:5f0c…`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			points, err := readRoots(against)
			if err != nil {
				return err
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error { return verify(cmd.Context(), env, db, points) })
		},
	}
	env.QuietFlag(cmd)
	cmd.Flags().StringArrayVar(&against, "against", nil, "a root that verify printed before; may be repeated")
	return cmd
}

// readRoots reads what verify has printed: "SIZE:ROOT", the root in hexadecimal.
func readRoots(list []string) (points []proof.Checkpoint, err error) {
	for _, text := range list {
		size, root, _ := strings.Cut(text, ":")
		n, err := strconv.ParseUint(size, 10, 63)
		b, wrong := hex.DecodeString(root)
		if err != nil || wrong != nil || len(b) != proof.HashSize {
			return nil, cli.Usage("--against %q: want a root as audit verify prints it: the number of leaves, a colon, 64 hexadecimal digits", text)
		}
		points = append(points, proof.Checkpoint{Origin: "--against " + size, Size: n, Root: proof.Hash(b)})
	}
	return points, nil
}

func verify(ctx context.Context, env *cli.Env, db *store.Store, points []proof.Checkpoint) error {
	bar := env.Progress()
	r, err := proofs.New(db).Verify(ctx, points, func(n, of uint64) { bar.Count("leaves read", int(n), int(of)) })
	bar.End()
	if err != nil {
		return err
	}
	for _, f := range r.Findings {
		env.Print("%s\n", f)
	}
	if r.More > 0 {
		env.Print("%d more\n", r.More)
	}
	if !r.Sound() {
		return fmt.Errorf("the log is not as it was recorded: %s", cli.Count(len(r.Findings)+r.More, "finding"))
	}
	env.Print("All is as it was recorded: %s, of which the log has %d leaves; %d are not sealed yet.\n",
		cli.Count(r.Rows, "row"), r.Leaves, r.Unsealed)
	env.Print("root %d:%x\n", r.Leaves, r.Root)
	return nil
}
