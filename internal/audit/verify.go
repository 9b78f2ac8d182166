package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/spacekeeper/spacekeeper/internal/archive"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

func newVerify(env *cli.Env, open Open) *cobra.Command {
	var against, archives, keys []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Tell whether all that was recorded is as it was",
		Long: `Verify computes the transparency log anew from all events and all that is in
quarantine, and names what was changed, taken out or put in. It ends with exit code 1
if there is any. It reads the log itself, which takes the rights of
spacekeeper_worker.

Who may change everything may also write the whole log anew. So hold it against what
they can't reach: checkpoints that the worker has copied elsewhere, or a root that
verify has printed. That also shows a database that was set back. With --key it
accepts only checkpoints which that key, or one of several, has signed. With --archive
it reads the archive of a month, too, and holds the log against its root.`,
		Example: `  subscriber audit verify
  subscriber audit verify --against /mnt/audit --key proof-key.pub
  subscriber audit verify --against 12433:5f0c…`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verifiers, err := readKeys(keys)
			if err != nil {
				return err
			}
			points, err := readPoints(against, verifiers)
			if err != nil {
				return err
			}
			for _, dir := range archives {
				p, err := readArchive(env, dir, verifiers)
				if err != nil {
					return err
				}
				points = append(points, p)
			}
			return open(cmd.Context(), config.ForAudit, func(db *store.Store) error { return verify(cmd.Context(), env, db, points, verifiers) })
		},
	}
	env.QuietFlag(cmd)
	cmd.Flags().StringArrayVar(&against, "against", nil,
		"a checkpoint's file, a directory of them, or SIZE:ROOT, a root that verify printed before; may be repeated")
	cmd.Flags().StringArrayVar(&archives, "archive", nil, "the directory of an archived month; may be repeated")
	keyFlag(cmd, &keys)
	return cmd
}

// readArchive reads the archive of a month whole, and returns what its events are
// proven by.
func readArchive(env *cli.Env, dir string, keys []note.Verifier) (p point, err error) {
	if _, err := os.Stat(filepath.Join(dir, archive.ManifestFile)); err != nil {
		return p, cli.Usage("--archive %q: want the directory of a month that audit archive has written: %v", dir, err)
	}
	m, err := archive.Read(dir)
	if err != nil {
		return p, err
	}
	root, err := hex.DecodeString(m.Root)
	if err != nil {
		return p, fmt.Errorf("%s: its root is no hash: %w", dir, err)
	}
	p = point{proof.Checkpoint{Size: m.Leaves, Root: proof.Hash(root)}, dir}
	if m.Checkpoint != "" {
		if p.Checkpoint, err = openCheckpoint(m.Checkpoint, keys); err != nil {
			return p, fmt.Errorf("%s: %w", dir, err)
		}
	}
	env.Print("%s has %s of %s, as they were recorded.\n", dir, cli.Count(int(m.Events), "event"), m.Month)
	return p, nil
}

func keyFlag(cmd *cobra.Command, keys *[]string) {
	cmd.Flags().StringArrayVar(keys, "key", nil, "the public part of the log's key, or its file; may be repeated, for a key that was changed")
}

func readKeys(list []string) (keys []note.Verifier, err error) {
	for _, text := range list {
		public := text
		if content, err := readfile.Regular(text, readfile.Secret); err == nil {
			public = string(content)
		}
		v, err := proof.Verifier(public)
		if err != nil {
			return nil, cli.Usage("--key %q: want the public part of a key, or its file, which audit key has made", text)
		}
		keys = append(keys, v)
	}
	return keys, nil
}

// readPoints reads what the log is to be held against. A root has no origin.
func readPoints(list []string, keys []note.Verifier) (points []point, err error) {
	for _, text := range list {
		size, root, _ := strings.Cut(text, ":")
		n, err := strconv.ParseUint(size, 10, 63)
		b, wrong := hex.DecodeString(root)
		if err == nil && wrong == nil && len(b) == proof.HashSize {
			points = append(points, point{proof.Checkpoint{Size: n, Root: proof.Hash(b)}, "--against " + size})
			continue
		}
		files := []string{text}
		switch info, err := os.Stat(text); {
		case err != nil:
			return nil, cli.Usage("--against %q: want a checkpoint's file, a directory of them, or a root as audit verify prints it: "+
				"the number of leaves, a colon, 64 hexadecimal digits", text)
		case info.IsDir():
			if files, err = filepath.Glob(filepath.Join(text, "*"+proof.Suffix)); err != nil || len(files) == 0 {
				return nil, cli.Usage("--against %q: in the directory is no checkpoint, whose name ends in %s", text, proof.Suffix)
			}
		}
		for _, name := range files {
			content, err := readfile.Regular(name, readfile.Secret)
			if err != nil {
				return nil, err
			}
			c, err := openCheckpoint(string(content), keys)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			points = append(points, point{c, name})
		}
	}
	return points, nil
}

// point is a checkpoint, and where it is from.
type point struct {
	proof.Checkpoint
	from string
}

func openCheckpoint(text string, keys []note.Verifier) (proof.Checkpoint, error) {
	if len(keys) == 0 {
		return proof.ReadCheckpoint(text)
	}
	return proof.OpenCheckpoint(text, keys...)
}

func verify(ctx context.Context, env *cli.Env, db *store.Store, points []point, keys []note.Verifier) error {
	log := proofs.New(db)
	notes, err := log.Notes(ctx)
	if err != nil {
		return err
	}
	var wrong []string
	origin := ""
	for _, text := range notes {
		c, err := openCheckpoint(text, keys)
		if err != nil && len(keys) > 0 { // else Verify says so
			wrong = append(wrong, "in the database, "+err.Error())
			continue
		}
		origin = c.Origin
	}
	against := make([]proof.Checkpoint, len(points))
	for i, p := range points {
		if p.Origin != "" && origin != "" && p.Origin != origin {
			return fmt.Errorf("%s is a checkpoint of another log: of %q, and this is %q", p.from, p.Origin, origin)
		}
		against[i] = proof.Checkpoint{Origin: p.from, Size: p.Size, Root: p.Root}
	}
	bar := env.Progress()
	r, err := log.Verify(ctx, against, func(n, of uint64) { bar.Count("leaves read", int(n), int(of)) })
	bar.End()
	if err != nil {
		return err
	}
	for _, f := range append(wrong, r.Findings...) {
		env.Print("%s\n", f)
	}
	if r.More > 0 {
		env.Print("%d more\n", r.More)
	}
	if n := len(wrong) + len(r.Findings) + r.More; n > 0 {
		return fmt.Errorf("the log is not as it was recorded: %s", cli.Count(n, "finding"))
	}
	env.Print("All is as it was recorded: %s, of which the log has %d leaves; %d are not sealed yet.\n",
		cli.Count(r.Rows, "row"), r.Leaves, r.Unsealed)
	if r.Archived > 0 {
		env.Print("The bytes of %s aren't in the database: their months were archived.\n", cli.Count(r.Archived, "event"))
	}
	if r.Erased > 0 {
		env.Print("Of %s something was erased since, as the log says.\n", cli.Count(r.Erased, "row"))
	}
	if r.Checkpoints > 0 {
		env.Print("It has grown out of %s.\n", cli.Count(r.Checkpoints, "checkpoint"))
	}
	env.Print("root %d:%x\n", r.Leaves, r.Root)
	if r.Checkpoints > 0 && len(keys) == 0 {
		env.Say("Who signed the checkpoints wasn't looked at: --key does.")
	}
	return nil
}
