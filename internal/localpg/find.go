package localpg

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// external returns the database that the environment offers, if any.
func external(getenv func(string) string) string {
	return cmp.Or(getenv("TEST_DATABASE_URL"), getenv("DATABASE_URL"))
}

// folders are the patterns of the places where packages put server binaries,
// as paths below the file system's root (on Windows below a drive).
func folders(goos string) []string {
	switch goos {
	case "darwin":
		return []string{
			"/opt/homebrew/opt/postgresql@*/bin", // Homebrew, Apple silicon
			"/opt/homebrew/opt/postgresql/bin",
			"/usr/local/opt/postgresql@*/bin", // Homebrew, Intel
			"/usr/local/opt/postgresql/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
			"/Library/PostgreSQL/*/bin", // EDB installer
			"/opt/local/lib/postgresql*/bin",
		}
	case "windows":
		return []string{"/Program Files/PostgreSQL/*/bin"}
	default:
		return []string{
			"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
			"/usr/pgsql-*/bin",          // postgresql.org packages for Fedora, RHEL
			"/usr/lib/postgresql*/bin",  // SUSE
			"/usr/libexec/postgresql*",  // Alpine
			"/usr/local/pgsql*/bin",     // built from source
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		}
	}
}

// binaries returns the folders that hold a server's binaries, best first: the
// one on PATH, then those that match patterns below root, newest first.
func binaries(lookPath func(string) (string, error), root string, patterns []string) []string {
	var found []string
	if initdb, err := lookPath("initdb"); err == nil {
		if dir := filepath.Dir(initdb); complete(dir) {
			found = append(found, dir)
		}
	}
	var packaged []string
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern))) // only a bad pattern fails
		for _, dir := range matches {
			if complete(dir) && !slices.Contains(found, dir) && !slices.Contains(packaged, dir) {
				packaged = append(packaged, dir)
			}
		}
	}
	slices.SortStableFunc(packaged, func(a, b string) int {
		return cmp.Compare(folderVersion(strings.TrimPrefix(b, root)), folderVersion(strings.TrimPrefix(a, root)))
	})
	return append(found, packaged...)
}

// complete reports whether dir holds what a server needs.
func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name+executable()))
		if err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// executable is how the names of programs end.
func executable() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// folderVersion reads the version that a folder's name ends with, 0 if none.
func folderVersion(dir string) float64 {
	numbers := regexp.MustCompile(`\d+(\.\d+)?`).FindAllString(dir, -1)
	if len(numbers) == 0 {
		return 0
	}
	v, _ := strconv.ParseFloat(numbers[len(numbers)-1], 64) // it is a number
	return v
}

// serverMajor asks the binaries in dir for their major version, such as "17".
func serverMajor(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", filepath.Join(dir, "postgres"), err)
	}
	version := regexp.MustCompile(`\d+`).FindString(string(out))
	if version == "" {
		return "", fmt.Errorf("read version of %s: %q holds none", filepath.Join(dir, "postgres"), out)
	}
	return version, nil
}

// installAdvice says how to get a server on this system.
func installAdvice(goos string) string {
	how := cmp.Or(map[string]string{
		"linux": "install one: Debian and Ubuntu: apt-get install postgresql · " +
			"Fedora: dnf install postgresql-server · Alpine: apk add postgresql · Arch: pacman -S postgresql",
		"darwin":  "install one: brew install postgresql@17, or Postgres.app from https://postgresapp.com",
		"windows": "install one: winget install PostgreSQL.PostgreSQL.17",
	}[goos], "install the PostgreSQL server package")
	return how + "; or point DATABASE_URL at a database of yours"
}
