package deploy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sys/unix"
)

// insideVariable names the folder with the images' file systems, in the process that
// has a network, mounts and processes of its own.
const insideVariable = "SPACEKEEPER_STACK"

// checkStack starts what compose.yaml says, without Docker: the same commands, files and
// ports, as the images' user in their file system, in a network that nobody else is in.
func (i *images) checkStack(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gets a network of its own, so the stack of Compose was not started")
	}
	if len(servers()) == 0 {
		t.Skip("Postgres is not here, so the stack of Compose was not started: apt-get install postgresql")
	}
	unshare := []string{"--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if out, err := exec.CommandContext(t.Context(), "unshare", append(unshare, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no network of its own is to be had here, so the stack of Compose was not started: %s", out)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append(unshare, "--", os.Args[0], "-test.run=^TestStackInside$", "-test.v")...)
	cmd.Env = append(os.Environ(), insideVariable+"="+filepath.Dir(i.layout))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// servers are the folders of Postgres' programs, the newest last.
func servers() []string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	return found
}

// stack is what compose.yaml starts, on a machine of its own.
type stack struct {
	project *types.Project
	root    string // of the image that the Dockerfile makes
	entry   []string
	bin     string // of Postgres
}

// process is a service that goes on.
type process struct {
	cmd   *exec.Cmd
	lines chan string // that it printed; closed at its end
	err   error       // once lines is closed
}

// TestStackInside is started by checkStack.
func TestStackInside(t *testing.T) {
	images := os.Getenv(insideVariable)
	if images == "" {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	bin := servers()
	s := &stack{project: composed(t), root: filepath.Join(images, "image"), bin: bin[len(bin)-1]}
	s.prepare(t, images)
	s.startPostgres(ctx, t)

	simulator := s.start(ctx, t, "simulator")
	for line := range strings.Lines(string(read(t, "deploy", "compose", "simulator.env"))) {
		if !strings.HasPrefix(line, "#") {
			simulator.await(t, "export "+strings.TrimSpace(line))
		}
	}
	simulator.await(t, "serving until interrupted")
	for _, name := range []string{"migrate", "setup", "roles"} {
		s.finish(t, s.command(ctx, name))
	}
	s.reader(ctx, t)
	began := time.Now()
	worker := s.start(ctx, t, "worker")
	tail := s.start(ctx, t, "worker", "tail", "--config", "/etc/spacekeeper/spacekeeper.yaml")
	event := tail.await(t, "spaces/")
	t.Logf("the first event, %s after the worker started: %s", time.Since(began).Round(time.Millisecond), event)

	for _, path := range []string{"/-/healthy", "/-/ready", "/metrics"} {
		if body, err := get(ctx, "http://simulator:8080"+path); err != nil {
			t.Errorf("%s: %v %s", path, err, body)
		}
	}
	health := regexp.MustCompile(`HEALTHCHECK .* CMD \["\S+", "(\w+)"\]`).FindStringSubmatch(string(read(t, "Dockerfile")))
	s.finish(t, s.command(ctx, "worker", health[1]))
	s.changeRules(t, worker)
	s.watch(ctx, t)

	if err := worker.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	for range worker.lines { // to its end
	}
	if took, grace := time.Since(began), time.Duration(*s.project.Services["worker"].StopGracePeriod); worker.err != nil || took > grace {
		t.Errorf("the worker ended with %v after %s, Compose waits for %s", worker.err, took, grace)
	}
}

// prepare makes the machine: a loopback, names, secrets, and the file system of the image.
func (s *stack) prepare(t *testing.T, images string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	loopback.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	dir := filepath.Dir(s.root)
	hosts := filepath.Join(dir, "hosts")
	for _, err := range []error{
		unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, loopback),
		os.WriteFile(hosts, []byte("127.0.0.1 localhost postgres simulator\n"), 0o644),
		unix.Mount(hosts, "/etc/hosts", "", unix.MS_BIND, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, ""),
		os.MkdirAll("/run/secrets", 0o755),
		os.WriteFile("/run/secrets/postgres-password", []byte("pass'word\n"), 0o644),
		os.WriteFile("/run/secrets/reader-password", []byte("other'word\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.entry = []string{regexp.MustCompile(`ENTRYPOINT \["(.*)"\]`).FindStringSubmatch(string(read(t, "Dockerfile")))[1]}
	programs := filepath.Join(s.root, filepath.Dir(s.entry[0]))
	config := filepath.Join(s.root, "etc", "spacekeeper")
	for _, dir := range []string{programs, filepath.Join(config, "..1"), filepath.Join(s.root, "run", "secrets"), filepath.Join(s.root, "tmp"), filepath.Join(s.root, "proc")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copied := map[string]string{
		hosts:                            filepath.Join(s.root, "etc", "hosts"),
		"/run/secrets/postgres-password": filepath.Join(s.root, "run", "secrets", "postgres-password"),
	}
	for _, name := range []string{"subscriber", "subscribe-setup"} {
		copied[filepath.Join(images, name, "ko-app", name)] = filepath.Join(programs, name)
	}
	for _, v := range s.project.Services["worker"].Volumes {
		if v.Target != "/etc/spacekeeper" {
			t.Fatalf("the worker mounts %s at %s", v.Source, v.Target)
		}
		for _, name := range []string{"spacekeeper.yaml", "reactors.yaml"} {
			copied[filepath.Join(v.Source, name)] = filepath.Join(config, "..1", name)
			if err := os.Symlink(filepath.Join("..data", name), filepath.Join(config, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for from, to := range copied {
		copyFile(t, from, to)
	}
	for _, err := range []error{
		os.Symlink("..1", filepath.Join(config, "..data")), // as the kubelet lays a ConfigMap out
		os.Chmod(filepath.Join(s.root, "tmp"), 0o1777),
		unix.Mount("proc", filepath.Join(s.root, "proc"), "proc", 0, ""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// command is a service's, or another one in its container.
func (s *stack) command(ctx context.Context, service string, instead ...string) *exec.Cmd {
	c := s.project.Services[service]
	args := slices.Concat(s.entry, c.Command)
	switch {
	case len(instead) > 0:
		args = slices.Concat(s.entry, instead)
	case len(c.Entrypoint) > 0:
		args = slices.Concat(c.Entrypoint, c.Command)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", environment(c)
	id, _, _ := strings.Cut(c.User, ":")
	uid, _ := strconv.ParseUint(id, 10, 32) // 0, root, would fail on what it may write
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: s.root, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	return cmd
}

func environment(c types.ServiceConfig) []string {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	for name, value := range c.Environment {
		if value != nil {
			env = append(env, name+"="+*value)
		}
	}
	return env
}

// finish waits for a command that ends by itself.
func (s *stack) finish(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// start starts a service, or another command in its container.
func (s *stack) start(ctx context.Context, t *testing.T, service string, instead ...string) *process {
	t.Helper()
	return begin(t, s.command(ctx, service, instead...))
}

func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	p := &process{cmd: cmd, lines: make(chan string, 100_000)} // more than any prints here
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		in.Close()
	}()
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	return p
}

// await reads on to a line that holds a text, and returns it.
func (p *process) await(t *testing.T, text string) string {
	t.Helper()
	var seen []string
	for line := range p.lines {
		if strings.Contains(line, text) {
			return line
		}
		seen = append(seen, line)
	}
	t.Fatalf("%q ended without %q:\n%s", p.cmd.Args, text, strings.Join(seen, "\n"))
	return ""
}

// startPostgres is what Postgres' own image does.
func (s *stack) startPostgres(ctx context.Context, t *testing.T) {
	t.Helper()
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(account.Uid, 10, 32)
	gid, _ := strconv.ParseUint(account.Gid, 10, 32)
	const data = "/run/postgres"
	if err := errors.Join(os.Mkdir(data, 0o700), os.Chown(data, int(uid), int(gid))); err != nil {
		t.Fatal(err)
	}
	c := s.project.Services["postgres"]
	role, password := *c.Environment["POSTGRES_USER"], *c.Environment["POSTGRES_PASSWORD_FILE"]
	as := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
		cmd.Dir, cmd.Env = "/", []string{"PGHOST=127.0.0.1", "PGUSER=" + role, "PGPASSWORD=pass'word"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return cmd
	}
	s.finish(t, as("initdb", "-D", data, "--username="+role, "--pwfile="+password, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"))
	begin(t, as("postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")).
		await(t, "database system is ready to accept connections")
	s.finish(t, as("createdb", role))
	s.finish(t, as(c.HealthCheck.Test[1], c.HealthCheck.Test[2:]...))
}

// reader carries out the script that makes Grafana's user, twice, and logs in as that user.
func (s *stack) reader(ctx context.Context, t *testing.T) {
	t.Helper()
	c := s.project.Services["reader"]
	psql := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = append(environment(c), "PATH="+s.bin+":/usr/bin:/bin")
		return cmd
	}
	for range 2 {
		s.finish(t, psql("sh", c.Volumes[0].Source))
	}
	cmd := psql(filepath.Join(s.bin, "psql"), "-Atqc", "SELECT count(*) >= 0 FROM analytics.fct_messages", "-c", "SHOW statement_timeout")
	cmd.Env = append(cmd.Env, "PGPASSWORD=other'word", "PGUSER="+*s.project.Services["grafana"].Environment["SPACEKEEPER_PG_READER"])
	if got := s.finish(t, cmd); got != "t\n30s\n" {
		t.Errorf("Grafana's user reads %q", got)
	}
}

// changeRules brings other rules as the kubelet does, and waits for the worker to take them up.
func (s *stack) changeRules(t *testing.T, worker *process) {
	t.Helper()
	config := filepath.Join(s.root, "etc", "spacekeeper")
	if err := os.Mkdir(filepath.Join(config, "..2"), 0o755); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(config, "..1", "spacekeeper.yaml"), filepath.Join(config, "..2", "spacekeeper.yaml"))
	rules, err := os.ReadFile(filepath.Join(config, "..1", "reactors.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(rules, []byte("wait: 2m"), []byte("wait: 3m"), 1)
	if bytes.Equal(changed, rules) {
		t.Fatalf("the rules have no wait to change: %s", rules)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(config, "..2", "reactors.yaml"), changed, 0o644),
		os.Symlink("..2", filepath.Join(config, "..data_tmp")),
		os.Rename(filepath.Join(config, "..data_tmp"), filepath.Join(config, "..data")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	worker.await(t, "new rules in force")
}

// watch starts Prometheus with the files that Compose mounts, in seconds for quarters of
// a minute, until it has scraped the worker.
func (s *stack) watch(ctx context.Context, t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Log("prometheus is not here, so its configuration was not tried: apt-get install prometheus")
		return
	}
	const dir = "/run/prometheus"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, v := range s.project.Services["prometheus"].Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		content, err := os.ReadFile(v.Source)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.ReplaceAll(content, []byte("_interval: 15s"), []byte("_interval: 1s"))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(v.Target)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--storage.tsdb.path=" + dir + "/data", "--web.listen-address=127.0.0.1:9090"}
	for _, arg := range s.project.Services["prometheus"].Command {
		if file, ok := strings.CutPrefix(arg, "--config.file="); ok {
			args = append(args, "--config.file="+filepath.Join(dir, filepath.Base(file)))
		}
	}
	begin(t, exec.CommandContext(ctx, path, args...)).await(t, "ready to receive web requests")
	rules, err := get(ctx, "http://127.0.0.1:9090/api/v1/rules")
	if err != nil || !strings.Contains(rules, "SpacekeeperWorkerDown") {
		t.Errorf("rules of Prometheus: %v %s", err, rules)
	}
	query := "http://127.0.0.1:9090/api/v1/query?query=" + url.QueryEscape(`up{job="spacekeeper"} == 1 and on () spacekeeper_ingest_ready == 1`)
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		got, err := get(ctx, query)
		if err == nil && strings.Contains(got, `"instance":"simulator:8080"`) {
			return
		}
		select {
		case <-tick.C: // Prometheus tells nobody that it has scraped
		case <-ctx.Done():
			t.Fatalf("Prometheus has not scraped the worker: %v %s", err, got)
		}
	}
}

func get(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s", resp.Status)
	}
	return string(body), err
}
