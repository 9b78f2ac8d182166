// Command benchmark measures how fast the worker records, and where the time
// goes. It needs nothing but Go and Postgres binaries:
//
//	go run ./cmd/benchmark
//
// It starts a private Postgres, and for every measurement a Pub/Sub server and
// a worker as processes of their own, so that the CPU and memory of each can be
// told apart. The designs take turns, round by round, so that their ratios come
// from the same minutes; medians are reported. All share the machine: the
// rates are those of the whole system. benchmark scale measures a large database.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// options are the flags.
type options struct {
	rounds  int
	events  int
	rates   []int
	seconds time.Duration
	big     int
	designs []design
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if role := os.Getenv(roleVariable); role != "" {
		if err := child(ctx, role); err != nil {
			fmt.Fprintln(os.Stderr, "benchmark:", err)
			os.Exit(cli.Failed)
		}
		return
	}
	env := cli.Process()
	os.Exit(env.Run(ctx, benchmark(), os.Args[1:], nil))
}

func benchmark() *cobra.Command {
	o := options{designs: designs()}
	var only []string
	cmd := &cobra.Command{
		Use: "benchmark", Short: "Measure how fast the worker records",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("designs") {
				o.designs = nil
			}
			for _, name := range only {
				if !slices.Contains(designs(), design(name)) {
					return cli.Usage("--designs %q: want some of %v, such as ours", name, designs())
				}
				o.designs = append(o.designs, design(name))
			}
			if err := o.check(); err != nil {
				return cli.WrongUse(err)
			}
			return report(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.rounds, "rounds", 5, "rounds; medians of them are reported")
	f.IntVar(&o.events, "events", 60_000, "events of one saturation run; each of the slower designs gets a third")
	f.IntSliceVar(&o.rates, "rates", []int{100, 1000, 5000}, "events/s at which the latency is measured; 0 for none")
	cli.DurationFlag(f, &o.seconds, "latency-for", 6*time.Second,
		"length of a latency run; its first second doesn't count", cli.AtLeast(2*time.Second))
	f.IntVar(&o.big, "big", 2_000, "messages of 9.9 MB in the memory run; 0 for none")
	f.StringSliceVar(&only, "designs", nil, "designs to compare (default all)")
	cmd.AddCommand(atScale())
	return cmd
}

// roleVariable makes a process a child in one of the roles; taskVariable holds
// its task.
const (
	roleVariable = "SPACEKEEPER_BENCHMARK_ROLE"
	taskVariable = "SPACEKEEPER_BENCHMARK_TASK"
	roleBroker   = "broker"
	roleWorker   = "worker"
)

// task is what a child is told to do.
type task struct {
	Design   design
	Addr     string // of the broker
	DSN      string
	Seed     uint64
	Messages int // preloaded, or to be expected
	Bytes    int // size of each message; 0 for the usual mix
	Rate     int // published per second; 0: preloaded
}

// result is what a worker reports.
type result struct {
	Events  int             // messages committed and acked
	Elapsed time.Duration   // from the first message to the last commit
	CPU     time.Duration   // of the worker process, meanwhile
	MaxRSS  int64           // bytes
	Held    int             // maximum of messages held at once, sampled
	Latency []time.Duration // publish → commit, at a rate
}

func child(ctx context.Context, role string) error {
	var t task
	if err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	switch role {
	case roleBroker:
		return serveBroker(ctx, t)
	case roleWorker:
		r, err := work(ctx, t)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	default:
		return fmt.Errorf("no such role: %q", role)
	}
}
