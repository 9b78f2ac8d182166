//go:build unix

package localpg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// orphanEnv makes the test binary the child of TestGuard: a process that
// starts a server and is killed. Its value says whether to pause the server.
const orphanEnv = "SPACEKEEPER_TEST_ORPHAN"

func TestMain(m *testing.M) {
	if mode := os.Getenv(orphanEnv); mode != "" {
		if err := orphan(mode); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// orphan starts a server, prints its folder, and waits for its death.
func orphan(mode string) error {
	s, err := Start(context.Background(), Options{Private: true})
	if err != nil {
		return err
	}
	if mode == "paused" {
		if err := s.Pause(); err != nil {
			return err
		}
	}
	fmt.Println(s.cluster.dir)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestGuard kills a process that runs a server. That process, the guard and
// every server process inherit the writing end of a pipe; its reading end
// reports the end only when all of them are gone.
func TestGuard(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"running", "paused"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			alive, held, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer alive.Close()
			cmd := exec.CommandContext(testContext(t), os.Args[0])
			cmd.Env = append(os.Environ(), orphanEnv+"="+mode)
			cmd.ExtraFiles = []*os.File{held}
			cmd.Stderr = os.Stderr
			if _, err := cmd.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := held.Close(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			if !lines.Scan() {
				t.Fatalf("the child started no server: %v", lines.Err())
			}
			dir := lines.Text()
			if _, err := os.Stat(dir); err != nil {
				t.Fatalf("the child's folder: %v", err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed
			if err := alive.SetReadDeadline(time.Now().Add(testTimeout)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, alive); err != nil {
				t.Fatalf("wait for the end of the server's processes: %v", err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("Stat(%s) = %v, want it gone", dir, err)
			}
		})
	}
}
