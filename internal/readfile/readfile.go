// Package readfile reads the files that a configuration names: settings, rules,
// cards, modules, secrets, plans.
//
// It promises to end soon and in little memory, whatever lies there: it reads
// regular files only, where a FIFO would be waited for, and never more than a
// limit, where a sparse file holds gigabytes. The caller names the limit and
// says what the file is about: errors name the file and hold nothing of its
// content. On failure nothing is returned.
package readfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// Limits for what the files hold.
const (
	Secret = 64 << 10 // a password, a token, credentials
	Text   = 1 << 20  // what a person writes: a configuration, rules, a card
	Plan   = 64 << 20 // what subscribe-setup writes for ten thousand targets
)

// Regular returns the content of a regular file of at most limit bytes.
// Symbolic links are followed, as Kubernetes mounts secrets by them.
func Regular(path string, limit int64) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(content)) > limit:
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is larger than %s", size(limit))}
	}
	return content, nil
}

// Open opens a regular file for a caller that reads it piece by piece.
func Open(path string) (*os.File, error) {
	// A FIFO without a writer is opened at once, and refused below.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is %s, and must be a regular file", kind(info.Mode()))}
	}
	if err != nil {
		file.Close() // nothing was written
		return nil, err
	}
	return file, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "a device or a socket"
}

func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// IsPublic reports whether anybody on this machine may read a file: others than
// its owner and its group. Where files have no such permissions, it is not known.
func IsPublic(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode()&0o004 != 0
}
