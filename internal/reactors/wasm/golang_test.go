package wasm

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
)

// buildGreeter builds the example module.
func buildGreeter(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "greeter.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", path, "./testdata/greeter")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build the module: %v\n%s", err, out)
	}
	return path
}

// TestGoModule: what Go's compiler makes runs within the limits that a module
// has unless somebody says otherwise.
func TestGoModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module")
	}
	t.Parallel()
	sender := reactorstest.NewFake("send")
	a := newAction(t, Options{}, sender)
	p := checked(t, a, buildGreeter(t))
	c := prepareContext()
	decided := func(config map[string]string) request {
		t.Helper()
		p.Config = config
		raw, err := a.Prepare(p, c)
		if err != nil {
			t.Fatal(err)
		}
		var r request
		if err := json.Unmarshal(raw.Body, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := decided(map[string]string{"hello": "Welcome"})
	var sent struct{ To, Text string }
	if len(r.Do) != 1 || json.Unmarshal(r.Do[0].Body, &sent) != nil {
		t.Fatalf("do = %+v, want one action", r.Do)
	}
	if sent.To != "spaces/AAA" || sent.Text != "Welcome <users/1>" {
		t.Errorf("sends %+v, want Welcome <users/1> to spaces/AAA", sent)
	}
	if r := decided(map[string]string{"except": "users/1"}); len(r.Do) != 0 || r.Note != "excepted" {
		t.Errorf("decides %+v, want nothing for who is excepted", r)
	}
}

// BenchmarkGoModule is one run: a fresh instance with Go's runtime in it.
func BenchmarkGoModule(b *testing.B) {
	a := New(Options{Timeout: time.Minute})
	defer a.Close(context.Background())
	p := &Params{Module: buildGreeter(b)}
	if mistakes := a.Check(p); len(mistakes) > 0 {
		b.Fatal(mistakes)
	}
	for b.Loop() {
		if _, err := a.run(context.Background(), p.Digest, []byte(`{"config":{"except":""}}`)); err != nil {
			b.Fatal(err)
		}
	}
}
