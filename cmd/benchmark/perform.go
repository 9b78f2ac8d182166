package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
)

var serial atomic.Int64 // numbers the databases

// perform runs a task with a broker and a worker of its own, on a new
// database that the caller drops.
func perform(ctx context.Context, dsn string, t task) (r result, db *database, err error) {
	if db, err = createDatabase(ctx, dsn, fmt.Sprintf("benchmark_%d", serial.Add(1))); err != nil {
		return r, nil, err
	}
	t.DSN = db.dsn
	var broker *childProcess
	if t.Design != bulk {
		if broker, err = startBroker(ctx, t); err != nil {
			return r, nil, err
		}
		defer func() { err = errors.Join(err, broker.end()) }()
		t.Addr = broker.addr
	}
	before := db.serverCPU(ctx)
	worker, err := command(ctx, roleWorker, t)
	if err != nil {
		return r, nil, err
	}
	var output bytes.Buffer
	worker.Stdout = &output
	if err := worker.Start(); err != nil {
		return r, nil, fmt.Errorf("start the worker: %w", err)
	}
	if t.Rate > 0 {
		if err := broker.begin(); err != nil {
			return r, nil, err
		}
	}
	if err := worker.Wait(); err != nil {
		return r, nil, fmt.Errorf("worker: %w", err)
	}
	db.used = db.serverCPU(ctx) - before
	if err := json.Unmarshal(output.Bytes(), &r); err != nil {
		return r, nil, fmt.Errorf("read the worker's result: %w", err)
	}
	return r, db, nil
}

func command(ctx context.Context, role string, t task) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write the task: %w", err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, taskVariable+"="+string(raw))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// childProcess is a broker that runs until its standard input ends.
type childProcess struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	addr  string
}

func startBroker(ctx context.Context, t task) (*childProcess, error) {
	cmd, err := command(ctx, roleBroker, t)
	if err != nil {
		return nil, err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the broker's address: %w", err), cmd.Wait())
	}
	return &childProcess{cmd, stdin, strings.TrimSpace(addr)}, nil
}

// begin tells a broker to publish.
func (c *childProcess) begin() error {
	if _, err := c.stdin.Write([]byte("\n")); err != nil {
		return fmt.Errorf("start publishing: %w", err)
	}
	return nil
}

func (c *childProcess) end() error {
	return errors.Join(c.stdin.Close(), c.cmd.Wait())
}
