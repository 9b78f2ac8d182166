package store_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A pooler that refuses or drops the settings of a session is named as such,
// with the way out, by whatever opens the database.
func TestPooler(t *testing.T) {
	t.Parallel()
	const cure = "name Postgres itself in database.dsn, not a pooler such as PgBouncer"
	for name, tt := range map[string]struct {
		refuse bool
		want   string
	}{
		"as it comes":               {true, "unsupported startup parameter: "},
		"ignore_startup_parameters": {false, "_timeout = 0, not "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := poolerBefore(t, storetest.NewDSN(t), tt.refuse)
			s, err := store.Open(t.Context(), dsn, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for what, err := range map[string]error{"CheckSchema": s.CheckSchema(t.Context()), "Migrate": store.Migrate(t.Context(), dsn)} {
				if !store.ByPooler(err) {
					t.Errorf("%s: %v isn't taken for a pooler's", what, err)
				}
				if err = store.ExplainConnecting(err); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasSuffix(err.Error(), cure) {
					t.Errorf("%s: got %v, want %q and %q", what, err, tt.want, cure)
				}
			}
		})
	}
}

// PgBouncer itself, in the mode that breaks what rests on a session and in the one
// that doesn't: neither keeps the settings that a session begins with.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	for mode, ignored := range map[string]string{"transaction": "", "session": "statement_timeout,idle_in_transaction_session_timeout," +
		"default_transaction_isolation,lock_timeout,jit,options,search_path"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dsn := storetest.PgBouncer(t, storetest.NewDSN(t), "pool_mode = "+mode, "ignore_startup_parameters = "+ignored)
			s, err := store.Open(t.Context(), dsn, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.CheckSchema(t.Context()); !store.ByPooler(err) {
				t.Errorf("CheckSchema: %v isn't taken for a pooler's", err)
			}
			if err := store.Migrate(t.Context(), dsn); !store.ByPooler(err) {
				t.Errorf("Migrate: %v isn't taken for a pooler's", err)
			}
		})
	}
}

// poolerBefore does with the settings of a session what PgBouncer does: it
// refuses them or, told to ignore them, drops them.
func poolerBefore(t *testing.T, dsn string, refuse bool) string {
	t.Helper()
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, target := pgconn.NetworkAddress(c.Host, c.Port)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer in.Close()
				if err := pool(in, network, target, refuse); err != nil {
					t.Error(err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	u := url.URL{Scheme: "postgres", User: url.UserPassword(c.User, c.Password), Host: l.Addr().String(), Path: "/" + c.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

func pool(in net.Conn, network, target string, refuse bool) error {
	client := pgproto3.NewBackend(in, in)
	first, err := client.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	startup, ok := first.(*pgproto3.StartupMessage)
	if !ok {
		return nil // a request to cancel
	}
	for name := range startup.Parameters {
		switch name {
		case "user", "database", "application_name", "client_encoding", "DateStyle", "TimeZone":
			continue
		}
		if refuse {
			client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: " + name})
			return client.Flush()
		}
		delete(startup.Parameters, name)
	}
	out, err := net.Dial(network, target)
	if err != nil {
		return err
	}
	defer out.Close()
	message, err := startup.Encode(nil)
	if err != nil {
		return err
	}
	if _, err := out.Write(message); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(in, out) // until one of them is closed
	}()
	_, _ = io.Copy(out, in)
	err = errors.Join(out.Close(), in.Close())
	<-done
	return err
}
