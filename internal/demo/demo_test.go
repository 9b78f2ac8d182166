package demo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/waittest"
)

func TestMain(m *testing.M) {
	waittest.AtOnce(5)
	server = storetest.Filled(server)
	os.Exit(storetest.Main(m,
		// Started by an init function below the Pub/Sub client; never ends.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The library's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
	))
}

// show runs a demo with the options' length and what they break.
func show(t *testing.T, o Options) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	o.Rate, o.Spaces = 20, 5
	if o.Seed == 0 {
		o.Seed = 1
	}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	err = Run(ctx, o, &out, &log)
	t.Log(log.String())
	return out.String(), err
}

// table wants the reconciliation in stdout, row by row.
func table(t *testing.T, stdout string, want map[string]string) {
	t.Helper()
	for what, verdict := range want {
		row := regexp.MustCompile(`(?m)^` + what + ` +\d+ +\d+ +(\d+) +(\d+) +(\d+) +(\w+)$`).FindStringSubmatch(stdout)
		if row == nil {
			t.Errorf("the table has no row %q", what)
			continue
		}
		if got := strings.Join(row[1:], " "); got != verdict {
			t.Errorf("%s: got %q, want %q (lost, unexpected, doubled)", what, got, verdict)
		}
	}
	if t.Failed() {
		t.Log(stdout)
	}
}

const exact = "0 0 0 exact"

func TestDemo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		sabotage string
		want     map[string]string
	}{
		{"exact", "", map[string]string{
			"events": exact, "items of events": exact, "malformed messages": exact, "welcomes": exact, "display names": exact,
		}},
		{"an event is dropped", DropEvent, map[string]string{
			"events": "1 0 0 DIFFERS", "items of events": "1 0 0 DIFFERS", "malformed messages": exact,
		}},
		{"a welcome is doubled", DoubleWelcome, map[string]string{
			"malformed messages": exact, "welcomes": "0 0 1 DIFFERS", "display names": exact,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, err := show(t, Options{Length: 5 * time.Second, Sabotage: tt.sabotage, Quiet: true})
			if (err == nil) != (tt.sabotage == "") {
				t.Errorf("got error %v", err)
			}
			table(t, stdout, tt.want)
			if said := strings.HasSuffix(stdout, "exact: nothing lost, nothing twice\n"); said != (err == nil) {
				t.Errorf("the last line is wrong:\n%s", stdout)
			}
			if err != nil && !strings.Contains(err.Error(), "differs from what happened") {
				t.Errorf("the error does not say what is wrong: %v", err)
			}
		})
	}
}

// The rules do the same where events tell names only: what they need is fetched.
func TestDemoOfNamesOnly(t *testing.T) {
	t.Parallel()
	stdout, err := show(t, Options{Length: 5 * time.Second, Quiet: true, namesOnly: true})
	if err != nil {
		t.Error(err)
	}
	table(t, stdout, map[string]string{"events": exact, "items of events": exact, "welcomes": exact, "display names": exact})
}

// A kept database is exact again, with another seed and with the same.
func TestDemoOnAKeptDatabase(t *testing.T) {
	t.Parallel()
	// Not t.TempDir, which is closed to the user that the server runs as.
	parent, err := os.MkdirTemp("", "spacekeeper-demo-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "demo")
	for _, seed := range []uint64{1, 5, 1} {
		stdout, err := show(t, Options{Length: 2 * time.Second, Seed: seed, DataDir: dir})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		table(t, stdout, map[string]string{"events": exact, "items of events": exact, "welcomes": exact, "display names": exact})
		if !strings.Contains(stdout, "  database  psql '") {
			t.Errorf("the demo doesn't say how to look:\n%s", stdout)
		}
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the database is gone: %v", err)
	}
}

func atLeast(text string, least int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= least
}

// A suspension, and an outage in which every subscription expires: what was
// missed is fetched, and the tale is told.
func TestDemoFaults(t *testing.T) {
	t.Parallel()
	stdout, err := show(t, Options{Length: 20 * time.Second})
	if err != nil {
		t.Error(err)
	}
	table(t, stdout, map[string]string{"events": exact, "items of events": exact, "welcomes": exact, "display names": exact})
	// The spaces, and everybody who was in one of them when it was first listed.
	if names := regexp.MustCompile(`(?m)^display names +(\d+) `).FindStringSubmatch(stdout); names == nil || !atLeast(names[1], 5+8*5/2) {
		t.Errorf("few names were listed: %q", names)
	}
	for _, want := range []string{
		"‼ Google Chat may not publish", "✓ subscription reactivated", `✓ gap .* closed \(ENDPOINT_PERMISSION_DENIED\)`,
		"‼ the worker is stopped", "✓ subscription created anew", `✓ gap .* closed \((expired|deleted)\)`, // as nobody knew of the shorter life: by Google's notice, if that comes before the pass
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("nothing of %q is told:\n%s", want, stdout)
		}
	}
}
