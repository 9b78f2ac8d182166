package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// While somebody has locked the jobs or the runs, nothing that rules ask for
// happens: the worker isn't ready, and says who keeps it from it.
func TestStandstillIsKnown(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env, "run")
	base := "http://" + healthAddr(t, p)
	ready := func(want int, says string) func() bool {
		return func() bool {
			status, body := get(t, base+"/-/ready")
			return status == want && strings.Contains(body, says)
		}
	}
	eventually(t, p, "the worker is ready", ready(http.StatusOK, ""))
	for _, table := range []string{"reactor_runs", "river_job"} {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE "+table); err != nil {
			t.Fatal(err)
		}
		eventually(t, p, "the worker knows of the lock", ready(http.StatusServiceUnavailable, "has AccessExclusiveLock on "+table))
		if _, body := get(t, base+"/metrics"); !strings.Contains(body, "\nspacekeeper_jobs_ready 0\n") {
			t.Errorf("no metric tells of the standstill:\n%s", body)
		}
		if status, body := get(t, base+"/-/healthy"); status != http.StatusOK {
			t.Errorf("/-/healthy: got %d %s: a new process could do no better", status, body)
		}
		if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		eventually(t, p, "the worker is ready again", ready(http.StatusOK, ""))
	}
	for _, said := range []string{"jobs and reactions stand still; waiting until they can go on", "jobs and reactions go on"} {
		if n := strings.Count(p.stderr.String(), `"`+said+`"`); n != 2 {
			t.Errorf("the log says %d times %q, want twice", n, said)
		}
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// A worker all of whose connections wait for somebody's lock knows of it as soon,
// and doesn't blame the database.
func TestStandstillOfAllConnections(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env.with("SPACEKEEPER_DATABASE_MAX_CONNS", "2"), "run")
	base := "http://" + healthAddr(t, p)
	eventually(t, p, "the worker is ready", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusOK
	})
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE river_job"); err != nil {
		t.Fatal(err)
	}
	var body string
	eventually(t, p, "the worker isn't", func() bool {
		var status int
		status, body = get(t, base+"/-/ready")
		return status == http.StatusServiceUnavailable
	})
	if !strings.Contains(body, "has AccessExclusiveLock on river_job") || strings.Contains(body, "does not answer") {
		t.Errorf("the lock isn't what is named: %s", body)
	}
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	eventually(t, p, "the worker is ready again", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusOK
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// A worker to which nothing happens knows that its database is away.
func TestIdleWorkerMissesItsDatabase(t *testing.T) {
	t.Parallel()
	f := newForwarder(t, migratedDatabase(t))
	f.listen(t)
	w := newWorkspace(t, f.dsn)
	p := start(t, w.env, "run")
	base := "http://" + healthAddr(t, p)
	eventually(t, p, "the worker is ready", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusOK
	})
	f.cut()
	eventually(t, p, "the worker isn't", func() bool {
		status, body := get(t, base+"/-/ready")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "the database does not answer")
	})
	f.listen(t)
	eventually(t, p, "the worker is ready again", func() bool {
		status, _ := get(t, base+"/-/ready")
		return status == http.StatusOK
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// A role that may do what is listed is enough for everything that the worker
// does; one that may not delete is refused, with what it lacks.
func TestRoleOfTheWorker(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	admin := func(sql string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	admin(`CREATE ROLE narrow; GRANT USAGE, CREATE ON SCHEMA public TO narrow; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO narrow;
		GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO narrow; GRANT EXECUTE ON FUNCTION make_partition(text, date) TO narrow`)
	w := newWorkspace(t, storetest.WithRole(dsn, "narrow"))
	code, _, stderr := call(t, w.env, "run")
	if code != cli.Misconfigured || !strings.Contains(stderr, "the role narrow may not do what the worker does: it lacks DELETE on backfills; DELETE on coverage; ") {
		t.Errorf("got exit code %d: %s", code, stderr)
	}

	admin(`CREATE ROLE nothing`)
	code, _, stderr = call(t, w.env.with("SPACEKEEPER_DATABASE_DSN", storetest.WithRole(dsn, "nothing")), "run")
	if code != cli.Misconfigured || !strings.Contains(stderr, "the role nothing may not do what the worker does: it lacks EXECUTE on make_partition; SELECT on ") {
		t.Errorf("a role without rights: got exit code %d: %s", code, stderr)
	}
	code, _, stderr = call(t, w.env.with("SPACEKEEPER_DATABASE_DSN", storetest.WithRole(dsn, "nothing")), "gaps", "list")
	if code != cli.Misconfigured || !strings.Contains(stderr, "make it a member of the role that owns the tables") {
		t.Errorf("gaps of a role without rights: got exit code %d: %s", code, stderr)
	}

	dsn, worker := workersDatabase(t)
	w = newWorkspace(t, worker)
	p := start(t, w.env, "run")
	healthAddr(t, p)
	space := w.Spaces()[0].Name
	w.post(t, "hello")
	if err := w.AddMembers(space, w.AddUser(false)); err != nil {
		t.Fatal(err)
	}
	eventually(t, p, "the welcome is sent", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM reactor_runs WHERE outcome = 'sent'") == 1
	})
	for _, kind := range []string{"keep", "silence", "members"} {
		eventually(t, p, "a job "+kind+" is done", func() bool {
			return query[int](t, dsn, "SELECT count(*)::int FROM river_job WHERE state = 'completed' AND kind = '"+kind+"'") > 0
		})
	}
	eventually(t, p, "the worker says that it is there, and schedules are looked at", func() bool {
		return query[int](t, dsn, "SELECT (SELECT count(*) FROM worker_heartbeats)::int + (SELECT count(*) FROM reactor_schedules)::int") == 2
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	if log := p.stderr.String(); strings.Contains(log, "denied") || strings.Contains(log, "must be owner") {
		t.Errorf("the role may not do enough:\n%s", log)
	}
}
