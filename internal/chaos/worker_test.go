package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

// workerVariable makes a process of the test binary a worker: what the tests
// kill is compiled with them. It says how long breakers stay open: whether one
// opens is a matter of luck where replies are dropped, and at the usual size
// nobody is to wait for minutes then.
const workerVariable = "SPACEKEEPER_CHAOS_WORKER"

// runWorker is `subscriber run` without its command line.
func runWorker() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pause, err := time.ParseDuration(os.Getenv(workerVariable))
	if err == nil {
		var cfg config.Config
		if cfg, err = config.Load("", os.Getenv, config.ForWorker); err == nil {
			err = worker.Main(ctx, cfg, worker.Options{BreakerPause: pause}, os.Getenv, os.Stderr)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// process is a running worker.
type process struct {
	cmd  *exec.Cmd
	log  *clitest.Output
	done chan struct{}
	err  error // once done is closed
}

// welcome greets everybody who joins, as the simplest of rules does.
const welcome = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    max_age: 10m
    do:
      - send: { to: private, text: "Welcome, {{ member.mention }}!" }
`

// rulesSetting writes rules to a file, and is the setting that names it; without
// rules nothing reacts.
func rulesSetting(t testing.TB, rules string) string {
	t.Helper()
	const setting = "SPACEKEEPER_REACTORS_FILE="
	if rules == "" {
		return setting
	}
	path := filepath.Join(t.TempDir(), "reactors.yaml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return setting + path
}

// startWorker starts a worker. Settings are environment variables.
func (env *environment) startWorker(t testing.TB, settings ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(),
		workerVariable+"="+scaled(10*time.Second, 150*time.Second).String(),
		"SPACEKEEPER_CHAT_ENDPOINT="+conformancetest.Proxy(t, env.ChatEndpoint()),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT="+conformancetest.Proxy(t, env.WorkspaceEventsEndpoint()),
		"PUBSUB_EMULATOR_HOST="+env.PubSubAddr(),
		"SPACEKEEPER_PROJECT="+env.Project(),
		"SPACEKEEPER_PUBSUB_SUBSCRIPTION="+env.subscription,
		"SPACEKEEPER_DATABASE_DSN="+env.db.DSN,
		rulesSetting(t, welcome),
		"SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE=60",
		"SPACEKEEPER_HEALTH_ADDR=off",
	)
	cmd.Env = append(cmd.Env, settings...)
	p := &process{cmd: cmd, log: &clitest.Output{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = io.Discard, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("log of worker %d:\n%s", cmd.Process.Pid, p.tail(4000))
		}
	})
	return p
}

// stop sends the signal and wants the worker to end within the limit.
func (p *process) stop(t *testing.T, sig syscall.Signal, limit time.Duration) error {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.err
	case <-timer.C:
		t.Fatalf("the worker was still there %s after %s", limit, sig)
		return nil
	}
}

// withHealth has a worker answer health checks, where readiness finds it.
const withHealth = "SPACEKEEPER_HEALTH_ADDR=127.0.0.1:0"

// readiness asks the worker whether it is ready; an error says why it isn't.
func (p *process) readiness(t *testing.T) func() error {
	t.Helper()
	var addr string
	logged := regexp.MustCompile(`"answering health checks".*"addr":"([^"]+)"`)
	eventually(t, 30*time.Second, "the worker answers health checks", func() bool {
		if match := logged.FindStringSubmatch(p.log.String()); match != nil {
			addr = match[1]
		}
		return addr != ""
	})
	return func() error {
		_, err := worker.CheckHealth(t.Context(), addr, false)
		return err
	}
}

// tail is the end of a worker's log.
func (p *process) tail(n int) string {
	log := p.log.String()
	return log[max(0, len(log)-n):]
}
