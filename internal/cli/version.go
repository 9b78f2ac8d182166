package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The linker sets these where a release is built: see .goreleaser.yaml. In any other
// binary they are empty, and what the toolchain recorded stands.
var version, commit, date string

// Build tells what this binary was built from: the version, the commit, "" if that
// isn't known, and the version of Go.
func Build() (version, commit, goVersion string) {
	version, commit, _, goVersion = build()
	return version, commit, goVersion
}

func build() (v, revision, built, goVersion string) {
	v, revision, built, goVersion = version, commit, date, runtime.Version()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(v, "unknown"), revision, built, goVersion
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = cmp.Or(revision, s.Value)
		case "vcs.time":
			built = cmp.Or(built, s.Value)
		}
	}
	return cmp.Or(v, info.Main.Version, "unknown"), revision, built, goVersion
}

// Version is all of it in a line: the version, the commit and its time, if they are
// known, and the version of Go.
func Version() string {
	v, revision, built, goVersion := build()
	if from := strings.Trim(revision+", "+built, ", "); from != "" {
		v += " (" + from + ")"
	}
	return v + " " + goVersion
}

// VersionCommand makes the command that prints the version, in the words of --version.
func (e *Env) VersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(e.Out, cmd.Root().Name(), "version", cmd.Root().Version)
			return err
		},
	}
}
