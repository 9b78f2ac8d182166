package localpg

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// What fills a database is asked once on a machine, and again when the image that
// it left is broken.
func TestImage(t *testing.T) {
	t.Parallel()
	fills := 0
	opts := Options{
		Contents: "a test " + rand.Text(),
		Fill: func(ctx context.Context, dsn string) error {
			fills++
			conn, err := pgx.Connect(ctx, dsn)
			if err != nil {
				return err
			}
			defer conn.Close(ctx)
			_, err = conn.Exec(ctx, "CREATE TABLE filled AS SELECT 'once' AS word")
			return err
		},
	}
	want := func(what string, opts Options, n int) *Server {
		t.Helper()
		s := start(t, opts)
		if got := query(t, s.DSN(), "SELECT word FROM filled"); got != "once" || fills != n {
			t.Errorf("%s: the word is %q after %d fillings, want %q after %d", what, got, fills, "once", n)
		}
		return s
	}
	image := want("first", opts, 1).cluster.image
	t.Cleanup(func() { _ = os.Remove(image) })
	tcp := opts
	tcp.TCP = true
	second := want("a copy that needs the password", tcp, 1)
	if _, err := pgx.Connect(testContext(t), query(t, second.DSN(), "SELECT 'host=127.0.0.1 password=guess user=spacekeeper port=' || current_setting('port')")); err == nil {
		t.Error("connected to a copy with a wrong password")
	}

	whole, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	for _, broken := range [][]byte{nil, whole[:len(whole)/2], flipped} {
		if err := os.WriteFile(image, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		c := &cluster{dir: t.TempDir()}
		if err := c.unpack(image); err == nil {
			t.Errorf("unpacked %d bytes of %d, flipped %t", len(broken), len(whole), len(broken) == len(whole))
		}
		if _, err := os.Stat(c.data()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Stat of what was unpacked = %v, want it gone", err)
		}
	}
	want("a broken image", opts, 2)
	want("its successor", opts, 2)
	if left, err := filepath.Glob(image + "*"); err != nil || len(left) != 1 {
		t.Errorf("left are %q, %v, want the image alone", left, err)
	}
}

// Of many images those stay that were used last; other files aren't touched.
func TestPruneImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, name := range []string{"database-b", "postgres-18", "database-c", "database-a", "database-d.unfinished"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		used := time.Now().Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := prune(dir, 2); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"database-a", "database-d.unfinished", "postgres-18"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// Several may make the same image at once.
func TestImageIsMadeBySeveral(t *testing.T) {
	t.Parallel()
	opts := Options{Private: true, Memory: true, Contents: "a test " + rand.Text()}
	var starts sync.WaitGroup
	for range 2 {
		starts.Go(func() {
			s, err := Start(testContext(t), opts)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	s := start(t, opts)
	t.Cleanup(func() { _ = os.Remove(s.cluster.image) })
	if s.cluster.unfilled {
		t.Error("there is no image")
	}
	if got := query(t, s.DSN(), "SELECT 'alive'"); got != "alive" {
		t.Errorf("got %q", got)
	}
}

// A database that can't be filled is none, and nothing of it stays.
func TestFillFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("can't be filled")
	var dsn string
	_, err := Start(testContext(t), Options{Private: true, Memory: true, Contents: "a test " + rand.Text(), Fill: func(_ context.Context, at string) error {
		dsn = at
		return broken
	}})
	if !errors.Is(err, broken) {
		t.Errorf("Start = %v, want %v", err, broken)
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(config.Host); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat(%s) = %v, want the temporary folder gone", config.Host, err)
	}
}
