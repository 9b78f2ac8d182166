package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// download fetches server binaries into cache and returns their folder. What
// an earlier call fetched is used again.
//
// The library downloads only as a part of starting a server of its own. That
// server is started once, in a scratch folder, and stopped; where it can't
// start, as under root, the binaries are there all the same.
func download(ctx context.Context, cache string, log io.Writer) (string, error) {
	home := filepath.Join(cache, "postgres-"+string(embeddedpostgres.V18))
	bin := filepath.Join(home, "bin")
	if complete(bin) {
		return bin, nil
	}
	scratch, err := os.MkdirTemp("", "spacekeeper-download-")
	if err != nil {
		return "", fmt.Errorf("make scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	port, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.V18).
		CachePath(cache).
		BinariesPath(home).
		RuntimePath(filepath.Join(scratch, "run")).
		DataPath(filepath.Join(scratch, "data")).
		Port(uint32(port)).
		Logger(log))
	err = server.Start()
	if err == nil {
		err = server.Stop()
	}
	if complete(bin) {
		return bin, nil
	}
	return "", fmt.Errorf("download PostgreSQL %s for %s/%s: %w",
		embeddedpostgres.V18, runtime.GOOS, runtime.GOARCH, errors.Join(err, os.RemoveAll(home)))
}

// cacheDir is where downloaded binaries stay. Root's own cache is closed to the
// account that the server runs as.
func cacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/spacekeeper", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache folder: %w", err)
	}
	return filepath.Join(dir, "spacekeeper"), nil
}

// freePort returns a loopback port that was free a moment ago.
func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find free loopback port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
