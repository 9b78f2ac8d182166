package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// Filled returns the options of a server whose database is like that of a worker
// that has just begun: with the schema, and with partitions for the months
// around now and [Epoch].
func Filled(o localpg.Options) localpg.Options {
	o.Fill, o.Contents = fill, contents(time.Now())
	return o
}

func fill(ctx context.Context, dsn string) error {
	if err := store.Migrate(ctx, dsn); err != nil {
		return err
	}
	s, err := store.Open(ctx, dsn, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	p := partitions.New(s.Pool())
	return errors.Join(p.EnsurePartitions(ctx, Epoch), p.EnsurePartitions(ctx, time.Now()))
}

// contents names what fill makes: it follows from the month and from these
// files. It is empty where they aren't found, as when a test runs elsewhere.
func contents(now time.Time) string {
	root, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return ""
		}
		root = filepath.Dir(root)
	}
	key := sha256.New()
	fmt.Fprintln(key, partitions.Of(partitions.Events, now))
	for _, pattern := range []string{
		"go.mod", "migrations/*.sql", "internal/store/migrate.go", "internal/store/partitions/partitions.go",
		"internal/store/storetest/filled.go",
	} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil || len(files) == 0 {
			return ""
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				return ""
			}
			fmt.Fprintf(key, "%q %q", filepath.Base(path), text) // a step is what its name says
		}
	}
	return fmt.Sprintf("%x", key.Sum(nil))
}
