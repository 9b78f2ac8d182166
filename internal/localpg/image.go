package localpg

import (
	"archive/zip"
	"compress/flate"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// An image is a database as it was when it had just been made and filled, in one
// file of the cache. Temporary databases are copied from it: to copy one takes a
// tenth of the work that making one does.
//
// It appears under its name when it is whole, and its checksums are looked at
// when it is read. Whoever finds none, or a broken one, makes it anew; several
// may do so at once, and one of their images stays.
const (
	imagePrefix = "database-"
	// imagesKept bounds their number: each change of the schema leaves one of 50 MB.
	imagesKept = 5
)

// findImage names the image of what would be made by these binaries with these
// arguments, and filled in this way; "" if there can be none.
func findImage(bin string, args []string, contents string) string {
	cache, err := cacheDir()
	if err != nil {
		return ""
	}
	key := sha256.New()
	for _, name := range []string{"initdb", "postgres"} {
		path, err := filepath.EvalSymlinks(filepath.Join(bin, name+executable()))
		if err != nil {
			return ""
		}
		info, err := os.Stat(path)
		if err != nil {
			return ""
		}
		fmt.Fprintln(key, path, info.Size(), info.ModTime().UnixNano())
	}
	fmt.Fprintf(key, "%q %q", args, contents)
	return filepath.Join(cache, fmt.Sprintf("%s%x.zip", imagePrefix, key.Sum(nil)[:16]))
}

// unpack makes the database a copy of the image. Of one that is broken nothing
// stays.
func (c *cluster) unpack(image string) (err error) {
	r, err := zip.OpenReader(image)
	if err != nil {
		return fmt.Errorf("open the image of a database: %w", err)
	}
	defer r.Close() //nolint:errcheck // it was read only
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(c.data()))
		}
	}()
	if err := os.Mkdir(c.data(), 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if err := os.CopyFS(c.data(), r); err != nil {
		return fmt.Errorf("copy the image of a database: %w", err)
	}
	c.password = r.Comment
	now := time.Now()
	_ = os.Chtimes(image, now, now) // it is kept for longer than those that nobody uses
	return filepath.WalkDir(c.data(), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, c.account.own(path))
	})
}

// prune removes the images in the cache but those that were used last.
func prune(cache string, kept int) error {
	files, err := filepath.Glob(filepath.Join(cache, imagePrefix+"*"))
	if err != nil {
		return fmt.Errorf("list images of databases: %w", err)
	}
	used := map[string]time.Time{}
	for _, path := range files {
		if info, err := os.Stat(path); err == nil {
			used[path] = info.ModTime()
		}
	}
	slices.SortFunc(files, func(a, b string) int { return used[b].Compare(used[a]) })
	for _, path := range files[min(kept, len(files)):] {
		_ = os.Remove(path) // it is tried again next time
	}
	return nil
}

// pack writes the image of the database, which no server may be using.
func (c *cluster) pack(image string) (err error) {
	cache := filepath.Dir(image)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	if err := prune(cache, imagesKept-1); err != nil {
		return err
	}
	unfinished, err := os.CreateTemp(cache, imagePrefix+"*.unfinished")
	if err != nil {
		return fmt.Errorf("make the image of a database: %w", err)
	}
	defer os.Remove(unfinished.Name()) //nolint:errcheck // gone already if all went well
	defer unfinished.Close()
	w := zip.NewWriter(unfinished)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.NoCompression) })
	err = w.AddFS(os.DirFS(c.data()))
	err = errors.Join(err, w.SetComment(c.password), w.Close(), unfinished.Sync(), unfinished.Close())
	if err == nil {
		err = os.Rename(unfinished.Name(), image)
	}
	if err != nil {
		return fmt.Errorf("write the image of a database: %w", err)
	}
	return nil
}

// fill puts into a new database what it shall begin with, and keeps an image of
// it. Without an image the next one takes longer, and that is all.
func (s *Server) fill(ctx context.Context, opts Options) error {
	if opts.Fill != nil {
		if err := opts.Fill(ctx, s.cluster.dsn(Database)); err != nil {
			return fmt.Errorf("fill the new database: %w", err)
		}
	}
	if s.cluster.image == "" {
		return nil
	}
	if err := s.halt(stopFast, stopGrace); err != nil {
		return err
	}
	if err := s.cluster.pack(s.cluster.image); err != nil {
		fmt.Fprintln(s.cluster.log, err)
	}
	return s.launch(ctx)
}
