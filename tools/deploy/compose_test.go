package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// composed is what docker compose config makes of the file.
func composed(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "deploy", "compose", "compose.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	t.Parallel()
	project := composed(t)
	dockerfile := string(read(t, "Dockerfile"))
	for name, s := range project.Services {
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: anybody on the network reaches the port %s", name, p.Published)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts what isn't there: %v", name, err)
			}
		}
		for _, s := range s.Secrets {
			if _, ok := project.Secrets[s.Source]; !ok {
				t.Errorf("%s: there is no secret %s", name, s.Source)
			}
		}
		if s.Image != "spacekeeper:local" {
			continue
		}
		if s.User != nobody || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s may do too much", name)
		}
		if len(s.Entrypoint) > 0 && !strings.Contains(dockerfile, " "+filepath.Dir(s.Entrypoint[0])+"/\n") {
			t.Errorf("%s: the image has no %s", name, s.Entrypoint[0])
		}
	}
	// Prometheus and the browser come from outside the worker's network.
	for name, want := range map[string]string{"config/spacekeeper.yaml": "addr: 0.0.0.0:8080", "prometheus.yaml": "targets: [simulator:8080]"} {
		if !strings.Contains(string(read(t, "deploy", "compose", name)), want) {
			t.Errorf("%s has no %q", name, want)
		}
	}
	// Who talks to the simulated Workspace does so on loopback.
	for _, name := range []string{"setup", "worker"} {
		if got := project.Services[name].NetworkMode; got != "service:simulator" {
			t.Errorf("%s is in the network %q", name, got)
		}
	}
}
