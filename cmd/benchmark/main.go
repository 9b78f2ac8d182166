// Command benchmark measures how fast the worker records, and where the time
// goes. It needs nothing but Go and Postgres binaries:
//
//	go run ./cmd/benchmark
//
// It starts a private Postgres, and for every measurement a Pub/Sub server and
// a worker as processes of their own, so that the CPU and memory of each can be
// told apart. The designs take turns, round by round, so that their ratios come
// from the same minutes; medians are reported. All share the machine: the
// rates are those of the whole system.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
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
	var err error
	if role := os.Getenv(roleVariable); role != "" {
		err = child(ctx, role)
	} else {
		err = parent(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func parent(ctx context.Context, args []string) error {
	var o options
	var rates, only string
	f := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 5, "rounds; medians of them are reported")
	f.IntVar(&o.events, "events", 60_000, "events of one saturation run; each of the slower designs gets a third")
	f.StringVar(&rates, "rates", "100,1000,5000", "events/s at which the latency is measured; empty for none")
	o.seconds = 6 * time.Second
	f.Func("latency-for", "length of a latency run; its first second doesn't count (default 6s)", func(s string) (err error) {
		o.seconds, err = strictyaml.ParseDuration(s)
		return err
	})
	f.IntVar(&o.big, "big", 2_000, "messages of 9.9 MB in the memory run; 0 for none")
	f.StringVar(&only, "designs", "pull,bulk,naive,ours,ruled", "designs to compare")
	if err := f.Parse(args); err != nil {
		return err
	}
	for _, r := range strings.FieldsFunc(rates, func(r rune) bool { return r == ',' }) {
		rate, err := strconv.Atoi(r)
		if err != nil {
			return fmt.Errorf("read -rates: %w", err)
		}
		o.rates = append(o.rates, rate)
	}
	for _, d := range strings.Split(only, ",") {
		o.designs = append(o.designs, design(d))
	}
	return report(ctx, o, os.Stdout)
}

// design is a way of doing it.
type design string

const (
	pullOnly design = "pull"  // (a) streaming pull, no-op handler, ack
	bulk     design = "bulk"  // (b) Postgres alone: unnest inserts of the same events, log table only
	naive    design = "naive" // (c) one transaction per message, statement by statement, same effects
	ours     design = "ours"  // (d) the worker
	ruled    design = "ruled" // (e) the worker with a hundred more rules, of which none is triggered
)

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
