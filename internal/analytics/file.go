package analytics

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// WriteFile writes a file beside its place, and puts it there when it is whole. A
// failure leaves what was there before.
func WriteFile(name string, write func(io.Writer) error) (err error) {
	if at, err := os.Stat(name); err == nil && !at.Mode().IsRegular() {
		return fmt.Errorf("write %s: it is there, and no file", name)
	}
	beside := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d", filepath.Base(name), rand.Uint64()))
	f, err := os.Create(beside) // a temporary one could be read by nobody else
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()       // the first error counts
			os.Remove(f.Name()) //nolint:errcheck // and so here
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
