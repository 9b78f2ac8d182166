package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// defaultPort names the unix socket; nothing listens on it over TCP.
const defaultPort = 5432

// cluster is a database on disk with what it takes to run it.
type cluster struct {
	dir       string // ours, owned by the account
	temporary bool
	bin       string // folder of the server binaries
	account   account
	host      string // folder of the unix socket, or the loopback address
	port      int
	password  string // for TCP; the socket is protected by its folder
	settings  map[string]string
	log       io.Writer
	image     string // that a new database could be copied from; "": none
	unfilled  bool   // it was not copied from the image, but made
}

// openCluster finds the binaries and the account and makes or opens the
// database in its folder. It starts nothing that stays.
func openCluster(ctx context.Context, opts Options) (_ *cluster, err error) {
	c := &cluster{settings: opts.Settings, log: opts.Log, port: defaultPort}
	if c.log == nil {
		c.log = io.Discard
	}
	if c.account, err = chooseAccount(); err != nil {
		return nil, err
	}
	if c.dir, c.temporary, err = makeDir(opts, c.account); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	if opts.TCP || runtime.GOOS == "windows" {
		c.host = "127.0.0.1"
		if c.port, err = freePort(ctx); err != nil {
			return nil, err
		}
	} else if c.host = c.dir; !socketFits(c.host) {
		return nil, fmt.Errorf("folder %s is too long a path for a unix socket (%d bytes): choose a shorter one", c.dir, len(c.dir))
	}
	if c.bin, err = chooseBinaries(ctx, c.data(), c.log); err != nil {
		return nil, err
	}
	if err := c.initialise(ctx, opts.Contents); err != nil {
		return nil, err
	}
	return c, nil
}

// makeDir creates the folder if need be, for the account alone.
func makeDir(opts Options, acct account) (string, bool, error) {
	dir, temporary := opts.Dir, opts.Dir == ""
	var err error
	if temporary {
		dir, err = tempDir(acct, opts.Memory)
	} else if dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", false, fmt.Errorf("make folder for the database: %w", err)
	}
	if err := reachable(dir, acct); err != nil {
		return "", false, err
	}
	if err := acct.own(dir); err != nil {
		return "", false, fmt.Errorf("give folder %s to the server's user: %w", dir, err)
	}
	return dir, temporary, nil
}

// tempDir makes a folder in the system's temporary one, or in /tmp where that
// one is too deep for a socket or closed to the account.
func tempDir(acct account, memory bool) (string, error) {
	const pattern = "spacekeeper-pg-"
	base := os.TempDir()
	if dir := memoryDir(); memory && dir != "" && reachable(filepath.Join(dir, pattern), acct) == nil {
		return os.MkdirTemp(dir, pattern)
	}
	if runtime.GOOS != "windows" && (!socketFits(filepath.Join(base, pattern+"0123456789")) || reachable(base, acct) != nil) {
		base = "/tmp"
	}
	return os.MkdirTemp(base, pattern)
}

// chooseBinaries picks the best server, or for an existing database the best
// of the version that wrote it.
func chooseBinaries(ctx context.Context, data string, log io.Writer) (string, error) {
	found := binaries(exec.LookPath, "/", folders(runtime.GOOS))
	if len(found) == 0 {
		cache, err := cacheDir()
		if err == nil {
			fmt.Fprintf(log, "no PostgreSQL server on this machine: downloading one to %s\n", cache)
			var bin string
			if bin, err = download(ctx, cache, log); err == nil {
				found = []string{bin}
			}
		}
		if err != nil {
			return "", fmt.Errorf("no PostgreSQL server on PATH or in the usual folders (%w): %s", err, installAdvice(runtime.GOOS))
		}
	}
	version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return found[0], nil
	}
	if err != nil {
		return "", fmt.Errorf("read version of the database: %w", err)
	}
	want := strings.TrimSpace(string(version))
	for _, bin := range found {
		if got, err := serverMajor(ctx, bin); err == nil && got == want {
			return bin, nil
		}
	}
	return "", fmt.Errorf("%s was written by PostgreSQL %s, but only %s is installed: install version %s or choose another folder",
		data, want, strings.Join(found, ", "), want)
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// initialise makes a database unless the folder holds one. It appears under its
// name only when it is whole, so that an interrupted run leaves nothing that a
// later one would take for a database.
func (c *cluster) initialise(ctx context.Context, contents string) error {
	passwordFile := filepath.Join(c.dir, "password")
	if _, err := os.Stat(filepath.Join(c.data(), "PG_VERSION")); err == nil {
		password, err := os.ReadFile(passwordFile)
		if err != nil {
			return fmt.Errorf("read password of the database: %w", err)
		}
		c.password = string(password)
		return nil
	}
	args := []string{
		"--username=" + User, "--auth-local=trust", "--auth-host=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-instructions",
	}
	if c.temporary {
		args = append(args, "--no-sync")
		if contents != "" {
			c.image = findImage(c.bin, args, contents)
		}
		if c.image != "" {
			err := c.unpack(c.image)
			if err == nil {
				return nil
			}
			if !errors.Is(err, os.ErrNotExist) {
				fmt.Fprintf(c.log, "making a database anew: %v\n", err)
			}
		}
		c.unfilled = true
	}
	c.password = rand.Text()
	if err := os.WriteFile(passwordFile, []byte(c.password), 0o600); err != nil {
		return fmt.Errorf("write password of the database: %w", err)
	}
	if err := c.account.own(passwordFile); err != nil {
		return fmt.Errorf("give password file to the server's user: %w", err)
	}
	unfinished, err := os.MkdirTemp(c.dir, "unfinished-")
	if err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	defer os.RemoveAll(unfinished) // gone already if all went well
	if err := c.account.own(unfinished); err != nil {
		return fmt.Errorf("give data folder to the server's user: %w", err)
	}
	cmd := c.command(ctx, "initdb", append(args, "--pgdata="+unfinished, "--pwfile="+passwordFile)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", cmd.Path, err, lastLines(out))
	}
	if err := os.Rename(unfinished, c.data()); err != nil {
		return fmt.Errorf("put database in place: %w", err)
	}
	return nil
}

// start launches the postmaster.
func (c *cluster) start() (*postmaster, error) {
	args := []string{"-D", c.data(), "-p", strconv.Itoa(c.port)}
	if c.tcp() {
		args = append(args, "-c", "listen_addresses="+c.host, "-c", "unix_socket_directories=")
	} else {
		args = append(args, "-c", "listen_addresses=", "-c", "unix_socket_directories="+quoteList(c.host))
	}
	args = append(args, "-c", "timezone=UTC", "-c", "log_timezone=UTC")
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		args = append(args, "-c", name+"="+c.settings[name])
	}
	return launch(c, c.command(context.Background(), "postgres", args...))
}

// command prepares a server binary to run as the account, in the folder, free
// of what the caller's environment says about other servers.
func (c *cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "PG") && !strings.HasPrefix(entry, "LC_") && !strings.HasPrefix(entry, "LANG") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	detach(cmd, c.account)
	return cmd
}

func (c *cluster) tcp() bool { return net.ParseIP(c.host) != nil }

func (c *cluster) addr() string { return net.JoinHostPort(c.host, strconv.Itoa(c.port)) }

// remove deletes a temporary folder; one that the caller named stays.
func (c *cluster) remove() error {
	if !c.temporary {
		return nil
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove folder of the database: %w", err)
	}
	return nil
}
