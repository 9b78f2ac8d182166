package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

func releaser(t *testing.T) config.Project {
	t.Helper()
	project, err := config.Load(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// The six systems, and files that are there.
func TestReleaser(t *testing.T) {
	project := releaser(t)
	for _, b := range project.Builds {
		if len(b.Goos)*len(b.Goarch) != 6 {
			t.Errorf("%s is built for %q × %q", b.ID, b.Goos, b.Goarch)
		}
		if _, err := os.Stat(filepath.Join(root, b.Main)); err != nil {
			t.Error(err)
		}
	}
	for _, f := range project.Archives[0].Files {
		fixed, _, _ := strings.Cut(f.Source, "*")
		if _, err := os.Stat(filepath.Join(root, fixed)); err != nil {
			t.Error(err)
		}
	}
	var cfg koConfig
	decode(t, read(t, ".ko.yaml"), &cfg)
	for _, ko := range project.Kos {
		if ko.BaseImage != cfg.DefaultBaseImage || !slices.Equal(ko.Platforms, cfg.DefaultPlatforms) || ko.User != nobody {
			t.Errorf("the image %s differs from .ko.yaml's: %+v", ko.ID, ko)
		}
	}
	version := string(read(t, "internal", "cli", "version.go"))
	for _, m := range regexp.MustCompile(`-X \S+/internal/cli\.(\w+)=`).FindAllStringSubmatch(string(read(t, ".goreleaser.yaml")), -1) {
		if !regexp.MustCompile(`(?m)^var .*\b` + m[1] + `\b.* string$`).MatchString(version) {
			t.Errorf("the linker sets cli.%s, which isn't there", m[1])
		}
	}
}

// packageOf makes a package as goreleaser does, of the binaries of the images.
func (i *images) packageOf(t *testing.T, format string) string {
	t.Helper()
	c := releaser(t).NFPMs[0]
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: c.PackageName, Arch: runtime.GOARCH, Platform: "linux", Version: "v1.2.3", MTime: time.Unix(1767225600, 0),
		Section: c.Section, Maintainer: c.Maintainer, Vendor: c.Vendor, Homepage: c.Homepage, Description: c.Description, License: c.License,
	})
	info.Deb.Compression, info.RPM.Compression = "none", "gzip:1" // for a second and not a minute
	info.Scripts = nfpm.Scripts{PostInstall: filepath.Join(root, c.Scripts.PostInstall), PreRemove: filepath.Join(root, c.Scripts.PreRemove)}
	for _, content := range c.Contents {
		src := content.Source
		if src != "" {
			src = filepath.Join(root, src)
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: src, Destination: content.Destination, Type: content.Type, FileInfo: &files.ContentFileInfo{Mode: content.FileInfo.Mode},
		})
	}
	for command, dir := range i.roots {
		info.Contents = append(info.Contents, &files.Content{
			Source: filepath.Join(dir, "ko-app", command), Destination: filepath.Join(c.Bindir, command),
			FileInfo: &files.ContentFileInfo{Mode: fs.FileMode(0o755)},
		})
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), packager.ConventionalFileName(info))
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := packager.Package(info, out); err != nil {
		t.Fatalf("make the %s: %v", format, err)
	}
	return path
}

func (i *images) checkPackages(t *testing.T) {
	t.Run("rpm", func(t *testing.T) {
		rpm := tool(t, "rpm", "rpm")
		path := i.packageOf(t, "rpm")
		listed := run(t, rpm, "-qp", "--list", path)
		for _, want := range []string{"/usr/bin/subscriber\n", "/usr/lib/systemd/system/spacekeeper.service\n"} {
			if !strings.Contains(listed, want) {
				t.Errorf("the rpm has no %s: %s", want, listed)
			}
		}
		if conf := run(t, rpm, "-qp", "--configfiles", path); conf != "/etc/spacekeeper/reactors.yaml\n/etc/spacekeeper/spacekeeper.yaml\n" {
			t.Errorf("configuration files: %s", conf)
		}
	})
	t.Run("deb", func(t *testing.T) {
		dpkg := tool(t, "dpkg-deb", "dpkg")
		path := i.packageOf(t, "deb")
		dir := t.TempDir()
		run(t, dpkg, "--raw-extract", path, dir)
		conffiles, err := os.ReadFile(filepath.Join(dir, "DEBIAN", "conffiles"))
		if want := "/etc/spacekeeper/reactors.yaml\n/etc/spacekeeper/spacekeeper.yaml"; err != nil || strings.TrimSpace(string(conffiles)) != want {
			t.Errorf("conffiles: %q, %v", conffiles, err)
		}
		listed := run(t, dpkg, "-c", path)
		for _, want := range []string{
			`-rwxr-xr-x root/root +\d+ \S+ \S+ \./usr/bin/subscriber\n`, `-rwxr-xr-x root/root +\d+ \S+ \S+ \./usr/bin/subscribe-setup\n`,
			`drwx------ root/root +\d+ \S+ \S+ \./etc/spacekeeper/credentials/\n`, `-rw-r--r-- root/root +\d+ \S+ \S+ \./etc/spacekeeper/spacekeeper.yaml\n`,
		} {
			if !regexp.MustCompile(want).MatchString(listed) {
				t.Errorf("the deb has nothing like %q:\n%s", want, listed)
			}
		}
		if got := run(t, filepath.Join(dir, "usr", "bin", "subscriber"), "version"); !strings.HasPrefix(got, "subscriber version ") {
			t.Errorf("the deb's binary tells %q", got)
		}
		checkUnits(t, dir)
	})
}

// checkUnits has systemd read the units as they are installed, and rate how far they are shut in.
func checkUnits(t *testing.T, dir string) {
	analyze := tool(t, "systemd-analyze", "systemd")
	units, err := filepath.Glob(filepath.Join(dir, "usr", "lib", "systemd", "system", "*.service"))
	if err != nil || len(units) != 2 {
		t.Fatalf("units: %q, %v", units, err)
	}
	for _, unit := range units {
		content, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		here := strings.ReplaceAll(string(content), "/usr/bin/", filepath.Join(dir, "usr", "bin")+"/")
		if err := os.WriteFile(unit, []byte(here), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// What it doesn't know it complains about, and exits with 0.
	if complaints := run(t, analyze, append([]string{"verify", "--man=no"}, units...)...); complaints != "" {
		t.Errorf("systemd-analyze verify: %s", complaints)
	}
	for _, unit := range units { // in tenths: a unit that says nothing has 9.6
		run(t, analyze, "security", "--no-pager", "--offline=yes", "--threshold=15", unit)
	}
}
