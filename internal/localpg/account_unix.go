//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

const socketName = ".s.PGSQL.5432"

// socketFits reports whether the path of a socket in dir fits into sun_path:
// 108 bytes on Linux, 104 on the systems descended from BSD, with the final NUL.
func socketFits(dir string) bool {
	limit := 103
	if runtime.GOOS == "linux" {
		limit = 107
	}
	return len(filepath.Join(dir, socketName)) <= limit
}

// account is the user that the server runs as; nil is the current one.
type account struct{ credential *syscall.Credential }

// chooseAccount avoids root, whom Postgres refuses to serve.
func chooseAccount() (account, error) {
	uid := os.Geteuid()
	if uid != 0 {
		// initdb looks the user up and fails with less clear words.
		if _, err := user.LookupId(strconv.Itoa(uid)); err != nil {
			return account{}, fmt.Errorf("PostgreSQL needs a user with a passwd entry, uid %d has none: %w", uid, err)
		}
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("read uid of user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("read gid of user %s: %w", name, err)
		}
		return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody: run as another user")
}

// own gives a file or folder to the account.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Chown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// detach makes cmd run as the account, in a process group of its own, so that
// a terminal's Ctrl-C does not reach it.
func detach(cmd *exec.Cmd, a account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: a.credential}
}

// reachable checks that the account may pass through every parent of dir.
func reachable(dir string, a account) error {
	if a.credential == nil {
		return nil
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return fmt.Errorf("check folder %s: %w", parent, err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		pass := info.Mode().Perm()&0o001 != 0
		if stat.Gid == a.credential.Gid {
			pass = info.Mode().Perm()&0o010 != 0
		}
		if stat.Uid == a.credential.Uid {
			pass = info.Mode().Perm()&0o100 != 0
		}
		if !pass {
			return fmt.Errorf("the server runs as uid %d because PostgreSQL refuses root, and %s is closed to it: choose a folder outside", a.credential.Uid, parent)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}
