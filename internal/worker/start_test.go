package worker

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// nowhere leads the clients to an address at which nothing answers.
func nowhere(cfg config.Config) config.Config {
	cfg.Endpoints.PubSubEmulator, cfg.Endpoints.Chat = "127.0.0.1:1", "http://127.0.0.1:1"
	cfg.Endpoints.WorkspaceEvents = "http://127.0.0.1:1"
	return cfg
}

// From nothing to ready, with 10,000 spaces that are subscribed to, 1,000 rules that
// name ten of them each, and a database; target: 3 s.
func BenchmarkStart(b *testing.B) {
	ws, err := simulate.Start(b.Context(), simulate.Options{
		Spaces: 10_000, Users: 100, Quotas: simulate.Quotas{Reads: -1, UserReads: -1},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer ws.Close()
	if _, _, err := ws.CreateTopic(b.Context(), "topic", "subscription"); err != nil {
		b.Fatal(err)
	}
	pg, err := localpg.Start(b.Context(), localpg.Options{Memory: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pg.Stop() }()
	if err := store.Migrate(b.Context(), pg.DSN()); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	var spaces, rules strings.Builder
	var names []string
	for _, s := range ws.Spaces() {
		names = append(names, s.Name)
		fmt.Fprintf(&spaces, "    - %s\n", s.Name)
		there := simulate.Unmanaged{
			Target: "//chat.googleapis.com/" + s.Name, Topic: "projects/" + ws.Project() + "/topics/topic",
			EventTypes: config.EventTypes(), IncludeResource: true,
		}
		if _, err := ws.AddUnmanaged(there); err != nil {
			b.Fatal(err)
		}
	}
	for i, ten := range slices.Collect(slices.Chunk(names, 10)) {
		fmt.Fprintf(&rules, `  - id: rule-%d
    mode: live
    on: message.created
    if: message.text.contains("product %[1]d") && !message.is_reply
    do: [{send: {text: "Hi {{ member.mention }}"}}]
    spaces: [%s]
`, i, strings.Join(ten, ", "))
	}
	write := func(name, text string) (path string) {
		path = filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return path
	}
	path := write("spacekeeper.yaml", fmt.Sprintf(`
project: %s
pubsub: {topic: topic, subscription: subscription}
database: {dsn: %q}
health: {addr: "127.0.0.1:0"}
reactors: {file: %q}
workspace:
  spaces:
%s`, ws.Project(), pg.DSN(), write("reactors.yaml", "reactors:\n"+rules.String()), spaces.String()))
	for b.Loop() {
		cfg, err := config.Load(path, func(string) string { return "" }, config.ForWorker)
		if err != nil {
			b.Fatal(err)
		}
		cfg.Endpoints.PubSubEmulator, cfg.Endpoints.Chat, cfg.Endpoints.WorkspaceEvents = ws.PubSubAddr(), ws.ChatEndpoint(), ws.WorkspaceEventsEndpoint()
		w, err := New(b.Context(), cfg, zap.NewNop(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		for err = errStarting; err != nil; {
			<-time.After(10 * time.Millisecond)
			_, err = CheckHealth(b.Context(), w.health.listener.Addr().String(), false)
		}
		b.StopTimer()
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		w.Close()
		b.StartTimer()
	}
}

// While the rules are read, which may take long, the process is worth keeping and
// says that it is not ready. Its profiles can be read until it is closed.
func TestHealthIsAnsweredWhileRulesAreRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "reactors.yaml")
	if err := os.WriteFile(file, []byte("reactors: []"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := nowhere(config.Default())
	cfg.Project, cfg.PubSub.Subscription = "p", "s"
	cfg.Database.DSN = "postgres://nobody@127.0.0.1:1/none"
	cfg.Reactors.File, cfg.Health.Addr, cfg.Admin.Addr = file, "127.0.0.1:0", "127.0.0.1:0"
	read := func(url, host string) (status int, text string, err error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			return 0, "", err
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
	addr, profiles, asked := "", "", false
	log := zaptest.NewLogger(t, zaptest.WrapOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return watchedCore{core, func(e zapcore.Entry, fields []zapcore.Field) {
			switch e.Message {
			case "answering health checks":
				addr = fields[0].Interface.(interface{ String() string }).String()
			case "serving profiles":
				profiles = "http://" + fields[0].Interface.(interface{ String() string }).String() + "/debug/pprof/goroutine?debug=1"
			case "rules are in force":
				asked = true
				if answer, err := CheckHealth(t.Context(), addr, true); err != nil {
					t.Errorf("while the rules are read: %q, %v", answer, err)
				}
				if _, err := CheckHealth(t.Context(), addr, false); err == nil || !strings.Contains(err.Error(), "starting") {
					t.Errorf("ready while the rules are read: %v", err)
				}
				if status, text, err := read("http://"+addr+"/metrics", ""); err != nil || status != http.StatusServiceUnavailable || !strings.HasPrefix(text, "starting") {
					t.Errorf("metrics while the rules are read: %d, %q, %v", status, text, err)
				}
			}
		}}
	})))
	w, err := New(t.Context(), cfg, log, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := read(profiles, ""); err != nil || !strings.Contains(text, "goroutine profile:") {
		t.Errorf("a profile is %q, %v", text, err)
	}
	pages := strings.TrimSuffix(profiles, "goroutine?debug=1")
	for page, want := range map[string]int{"heap": 200, "profile?seconds=1": 200, "profile?seconds=0": 400, "profile?seconds=601": 400, "none": 404} {
		status, text, err := read(pages+page, "")
		if err != nil || status != want || want == 200 && !strings.HasPrefix(text, "\x1f\x8b") { // gzip
			t.Errorf("%s: %d, %v, want %d", page, status, err, want)
		}
	}
	// A page's name that leads to loopback, in a browser of this machine.
	if _, text, err := read(profiles, "evil.example"); err != nil || strings.Contains(text, "goroutine profile:") {
		t.Errorf("a page on the web is told %q, %v", text, err)
	}
	w.Close()
	if _, text, err := read(profiles, ""); err == nil {
		t.Errorf("a profile of a closed worker is %q", text)
	}
	if !asked {
		t.Error("nothing was asked: this test shows nothing")
	}
}

// watchedCore calls seen with each entry, while its writer waits.
type watchedCore struct {
	zapcore.Core
	seen func(zapcore.Entry, []zapcore.Field)
}

func (c watchedCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return to.AddCore(e, c)
}

func (c watchedCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.seen(e, fields)
	return c.Core.Write(e, fields)
}
