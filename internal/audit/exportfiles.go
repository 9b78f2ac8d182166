package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// The files of an export beside those with records.
const (
	manifestFile = "manifest.json"
	stateFile    = "unfinished.json" // a state, until the manifest is there
	partlyFile   = "unfinished.part" // what is being written
)

// manifest says what an export holds.
type manifest struct {
	Query   string    `json:"query,omitempty"`
	User    string    `json:"user,omitempty"`
	Format  string    `json:"format"`
	Content bool      `json:"content"` // whether it has what messages say
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	AsOf    time.Time `json:"as_of"` // what was recorded later isn't in it
	Records int       `json:"records"`
	Files   []file    `json:"files"`
	Proof   proven    `json:"proof"`
}

type file struct {
	Name    string `json:"name"`
	Records int    `json:"records"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
}

// proven is how far the log of docs/proof.md was when the export began.
type proven struct {
	Leaves     int64  `json:"leaves"`
	Root       string `json:"root"`
	Checkpoint string `json:"checkpoint,omitempty"`
}

// state is how far an export is.
type state struct {
	manifest
	After string `json:"after"` // id of the last record that is in a file
}

// proof reads how far the log is, as far as the role may see it.
func (x *export) proof(ctx context.Context) (p proven, err error) {
	rows, _ := x.db.Pool().Query(ctx, `
		SELECT leaves, edge, COALESCE(checkpoint, '')
		FROM analytics.proof`)
	defer rows.Close()
	for rows.Next() {
		var edge []byte
		if err := rows.Scan(&p.Leaves, &edge, &p.Checkpoint); err != nil {
			return p, fmt.Errorf("read how far the proof is: %w", err)
		}
		hashes := make([]proof.Hash, len(edge)/proof.HashSize)
		for i := range hashes {
			hashes[i] = proof.Hash(edge[i*proof.HashSize:])
		}
		tree, err := proof.NewTree(uint64(p.Leaves), hashes)
		if err != nil {
			return p, err
		}
		p.Root = fmt.Sprintf("%x", tree.Root())
	}
	if err := rows.Err(); err != nil {
		return p, fmt.Errorf("read how far the proof is: %w", err)
	}
	return p, nil
}

// begin makes the folder, or reads the state of an export that was ended in it. It
// reports whether this one begins anew.
func (x *export) begin(now time.Time) (anew bool, err error) {
	if err := os.MkdirAll(x.dir, 0o750); err != nil {
		return false, fmt.Errorf("make the folder for the export: %w", err)
	}
	x.state.AsOf = now.UTC()
	there, err := os.ReadDir(x.dir)
	if err != nil {
		return false, fmt.Errorf("read the folder of the export: %w", err)
	}
	there = slices.DeleteFunc(there, func(e os.DirEntry) bool { return e.Name() == partlyFile })
	text, err := readfile.Regular(x.path(stateFile), 100<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(there) > 0:
		return false, cli.Usage("--to %s: there is something in this folder, which is no export that was ended: name an empty one", x.dir)
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("read how far the export is: %w", err)
	}
	var before state
	if err := json.Unmarshal(text, &before); err != nil {
		return false, fmt.Errorf("read how far the export is: %s: %w", x.path(stateFile), err)
	}
	if s := x.state; before.Query != s.Query || before.User != s.User || before.Format != s.Format || before.Content != s.Content {
		return false, cli.Usage("--to %s: in this folder another export was ended, of %q as %s: call it as then, or name an empty folder",
			x.dir, before.Query+before.User, before.Format)
	}
	x.state = before
	return false, nil
}

func (x *export) path(name string) string { return filepath.Join(x.dir, name) }

// write writes a file where nobody takes it for complete; keep gives it its name.
func (x *export) write(ctx context.Context, one *file, fill func(io.Writer) error) error {
	f, err := os.Create(x.path(partlyFile))
	if err != nil {
		return err
	}
	defer f.Close() // once more after a failure, which counts
	counted := &sums{ctx: ctx, out: f, hash: sha256.New()}
	buffered := bufio.NewWriterSize(counted, 64<<10)
	if err := errors.Join(fill(buffered), buffered.Flush()); err != nil {
		return err
	}
	one.Bytes, one.SHA256 = counted.bytes, fmt.Sprintf("%x", counted.hash.Sum(nil))
	return errors.Join(f.Sync(), f.Close(), ctx.Err())
}

func (x *export) keep(name string) error { return os.Rename(x.path(partlyFile), x.path(name)) }

// sums counts what is written to a file.
type sums struct {
	ctx   context.Context
	out   io.Writer
	hash  hash.Hash
	bytes int64
}

func (s *sums) Write(text []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.out.Write(text)
	s.hash.Write(text[:n])
	s.bytes += int64(n)
	return n, err
}

func (x *export) save(ctx context.Context) error { return x.document(ctx, stateFile, x.state) }

func (x *export) document(ctx context.Context, name string, document any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err == nil {
		err = x.write(ctx, &file{}, func(out io.Writer) error {
			_, err := out.Write(append(text, '\n'))
			return err
		})
	}
	if err == nil {
		err = x.keep(name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", x.path(name), err)
	}
	return nil
}

// finish writes the manifest, and says that the export is complete.
func (x *export) finish(ctx context.Context, told trail.Action) error {
	if err := x.document(ctx, manifestFile, x.state.manifest); err != nil {
		return err
	}
	if err := trail.Commit(ctx, x.db, told); err != nil {
		return err
	}
	for _, name := range []string{stateFile, partlyFile} {
		if err := os.Remove(x.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("end the export: %w", err)
		}
	}
	return nil
}
