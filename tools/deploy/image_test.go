package deploy

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/google/ko/pkg/build"
	"go.yaml.in/yaml/v3"
)

const (
	module = "github.com/spacekeeper/spacekeeper"
	nobody = "65532:65532" // the user of the images
	// Somebody downloads it, and starts it again after a crash.
	maxBinary = 45_000_000
)

// koConfig is what we use of .ko.yaml.
type koConfig struct {
	DefaultBaseImage string         `yaml:"defaultBaseImage"`
	DefaultPlatforms []string       `yaml:"defaultPlatforms"`
	Builds           []build.Config `yaml:"builds"`
}

// TestArtifacts builds both binaries once, and looks at all that is made of them.
func TestArtifacts(t *testing.T) {
	i, err := buildImages(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("layout", i.checkLayout)
	t.Run("sbom", i.checkSBOM)
	t.Run("runs", i.checkRuns)
	t.Run("packages", i.checkPackages)
	t.Run("stack", i.checkStack)
}

type images struct {
	layout string
	sboms  string
	roots  map[string]string // by command: its image's file system
}

// buildImages does what ko build does, with the builds of .ko.yaml and an empty image as
// the base: whatever the real base has, the binaries must do without.
func buildImages(ctx context.Context, dir string) (*images, error) {
	i := &images{layout: filepath.Join(dir, "layout"), sboms: filepath.Join(dir, "sboms"), roots: map[string]string{}}
	content, err := os.ReadFile(filepath.Join(root, ".ko.yaml"))
	if err != nil {
		return nil, err
	}
	var cfg koConfig
	if err := yaml.Unmarshal(content, &cfg); err != nil {
		return nil, err
	}
	platform := "linux/" + runtime.GOARCH
	base, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		return nil, err
	}
	builds := map[string]build.Config{}
	for _, b := range cfg.Builds {
		builds[module+strings.TrimPrefix(b.Main, ".")] = b
	}
	ko, err := build.NewGo(ctx, root,
		build.WithBaseImages(func(context.Context, string) (name.Reference, build.Result, error) {
			ref, err := name.ParseReference("scratch")
			return ref, base, err
		}),
		build.WithPlatforms(platform), build.WithConfig(builds), build.WithTrimpath(true), build.WithJobs(1),
		build.WithUser(nobody), build.WithSPDX("test"), build.WithSBOMDir(i.sboms),
	)
	if err != nil {
		return nil, err
	}
	written, err := layout.Write(i.layout, empty.Index)
	if err != nil {
		return nil, err
	}
	for _, command := range []string{"subscriber", "subscribe-setup"} {
		result, err := ko.Build(ctx, build.StrictScheme+module+"/cmd/"+command)
		if err != nil {
			return nil, fmt.Errorf("build the image of %s: %w", command, err)
		}
		image, ok := result.(v1.Image)
		if !ok {
			return nil, fmt.Errorf("the image of %s is a %T", command, result)
		}
		if err := written.AppendImage(image); err != nil {
			return nil, err
		}
		i.roots[command] = filepath.Join(dir, command)
		if err := extract(image, i.roots[command]); err != nil {
			return nil, fmt.Errorf("extract the image of %s: %w", command, err)
		}
	}
	return i, nil
}

func extract(image v1.Image, dir string) error {
	stream := mutate.Extract(image)
	defer stream.Close()
	r := tar.NewReader(stream)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, path)
		default:
			var content []byte
			if content, err = io.ReadAll(r); err == nil {
				if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
					err = os.WriteFile(path, content, h.FileInfo().Mode())
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

func (i *images) checkLayout(t *testing.T) {
	index, err := layout.ImageIndexFromPath(i.layout)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var entrypoints []string
	for _, d := range manifest.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Config.User != nobody {
			t.Errorf("user = %q, want %q", cfg.Config.User, nobody)
		}
		entrypoints = append(entrypoints, strings.Join(cfg.Config.Entrypoint, " "))
	}
	if want := []string{"/ko-app/subscriber", "/ko-app/subscribe-setup"}; !slices.Equal(entrypoints, want) {
		t.Errorf("entrypoints = %q, want %q", entrypoints, want)
	}
}

// What is in the image is told: our module, what it is built with, and their versions.
func (i *images) checkSBOM(t *testing.T) {
	for command := range i.roots {
		files, err := filepath.Glob(filepath.Join(i.sboms, command+"-linux*.json"))
		if err != nil || len(files) != 1 {
			t.Fatalf("SBOMs of %s: %q, %v", command, files, err)
		}
		content, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		var sbom struct {
			SPDXVersion string `json:"spdxVersion"`
			Packages    []struct {
				Name string `json:"name"`
			} `json:"packages"`
		}
		if err := json.Unmarshal(content, &sbom); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range sbom.Packages {
			names = append(names, p.Name)
		}
		if sbom.SPDXVersion != "SPDX-2.3" || !slices.Contains(names, module) || !slices.Contains(names, "github.com/jackc/pgx/v5") {
			t.Errorf("%s: %s, %q", command, sbom.SPDXVersion, names)
		}
	}
}

// The binary runs with nothing but the image, as its user, who can write nothing.
func (i *images) checkRuns(t *testing.T) {
	for command, dir := range i.roots {
		info, err := os.Stat(filepath.Join(dir, "ko-app", command))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxBinary {
			t.Errorf("%s has %d bytes, more than %d", command, info.Size(), maxBinary)
		}
		t.Logf("%s: %d bytes", command, info.Size())
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root directory, so the images were not run")
	}
	for command, dir := range i.roots {
		version := inside(t, dir, filepath.Join("/ko-app", command), "version")
		if !regexp.MustCompile(`^` + command + ` version v\S+ \([0-9a-f]{40}, \S+Z\) go1\.\S+\n$`).MatchString(version) {
			t.Errorf("%s tells %q", command, version)
		}
	}
	if got := inside(t, i.roots["subscriber"], "/ko-app/subscriber", "healthcheck"); !strings.Contains(got, "127.0.0.1:8080") || !strings.Contains(got, "exit status 1") {
		t.Errorf("healthcheck without a worker: %q", got)
	}
}

// inside runs a binary with the root directory of an image that can't be written to.
func inside(t *testing.T, dir string, args ...string) string {
	t.Helper()
	// A mount namespace of its own, which ends with the process.
	script := `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec chroot --userspec=` + nobody + ` "$0" "$@"`
	out, err := exec.CommandContext(t.Context(), "unshare", slices.Concat([]string{"--mount", "--", "sh", "-c", script, dir}, args)...).CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

// The Dockerfile makes the same binaries as ko and goreleaser, and an image of the same kind.
func TestDockerfile(t *testing.T) {
	dockerfile := string(read(t, "Dockerfile"))
	for _, want := range []string{
		"\nFROM scratch\n", "\nUSER " + nobody + "\n", "\nEXPOSE 8080\n", `CMD ["/usr/local/bin/subscriber", "healthcheck"]`,
		"\n" + `ENTRYPOINT ["/usr/local/bin/subscriber"]` + "\n", "CGO_ENABLED=0",
	} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("Dockerfile has no %q", want)
		}
	}
	var cfg koConfig
	decode(t, read(t, ".ko.yaml"), &cfg)
	for _, b := range cfg.Builds {
		for _, flag := range append(slices.Clone(b.Flags), b.Ldflags...) {
			flag, _, _ = strings.Cut(flag, "{{")
			for file, text := range map[string]string{"Dockerfile": dockerfile, ".goreleaser.yaml": string(read(t, ".goreleaser.yaml"))} {
				if !strings.Contains(text, flag) {
					t.Errorf("%s builds without %q", file, flag)
				}
			}
		}
	}
	goMod := string(read(t, "go.mod"))
	goVersion := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindStringSubmatch(goMod)[1]
	if want := "golang:" + goVersion + " AS build"; !strings.Contains(dockerfile, want) {
		t.Errorf("Dockerfile doesn't build with %q", want)
	}
}
