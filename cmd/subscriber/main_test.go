package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wasm"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/waittest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	if code, helped := wasm.Help(os.Args, os.Stdin, os.Stdout); helped {
		os.Exit(code)
	}
	if os.Getenv(mainVariable) != "" {
		main()
	}
	waittest.AtOnce(6)
	os.Exit(storetest.Main(conformancetest.Main(m, "chat.spaces.messages.create", "workspaceevents.subscriptions.create"),
		// Started by an init function below the Pub/Sub client; never ends.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The library's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
	))
}

// migratedDatabase is an empty database with the schema.
func migratedDatabase(t *testing.T) string { return storetest.NewDSN(t) }

// workersDatabase is a migrated one, by its address as a superuser, and by that of a
// worker to whom nothing of it belongs.
func workersDatabase(t *testing.T) (dsn, worker string) {
	t.Helper()
	dsn = migratedDatabase(t)
	db, err := store.Open(t.Context(), dsn, store.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := roles.Create(t.Context(), db, nil); err != nil {
		t.Fatal(err)
	}
	return dsn, storetest.WithRole(dsn, roles.Worker)
}

// bareDatabase has no schema.
func bareDatabase(t *testing.T) string { return storetest.EmptyDSN(t) }

// query answers with the one value of a statement.
func query[T any](t *testing.T, dsn, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// environ is what a command finds in its environment.
type environ map[string]string

func (e environ) with(key, value string) environ {
	changed := environ{key: value}
	for k, v := range e {
		if k != key {
			changed[k] = v
		}
	}
	return changed
}

// call runs a command to its end, which is forced on one that goes on for long.
func call(t *testing.T, env environ, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, messages clitest.Output
	code = run(ctx, args, func(name string) string { return env[name] }, &out, &messages)
	return code, out.String(), messages.String()
}

// process is a command that runs until it is stopped.
type process struct {
	stdout, stderr clitest.Output
	cancel         context.CancelFunc
	code           int           // once done is closed
	done           chan struct{} //
}

func start(t *testing.T, env environ, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &process{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.code = run(ctx, args, func(name string) string { return env[name] }, &p.stdout, &p.stderr)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("subscriber %s: exit code %d\n%s\n%s", strings.Join(args, " "), p.code, p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// stop does what SIGTERM does and returns the exit code.
func (p *process) stop() int {
	p.cancel()
	<-p.done
	return p.code
}

// eventually waits until ok answers true, or p has ended.
func eventually(t *testing.T, p *process, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond) // many ask the database, each time on a new connection
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-p.done:
			t.Fatalf("the command ended with exit code %d before %s", p.code, what)
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// golden compares got with a file below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", file, diff)
	}
}
