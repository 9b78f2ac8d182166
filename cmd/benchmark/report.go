package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/localpg"
)

// sample is one measurement of a design.
type sample struct {
	rate      float64    // events/s
	workerCPU float64    // µs/event
	serverCPU float64    // µs/event
	rss       int64      // bytes
	disk      float64    // bytes/event
	relations []relation // bytes/event
}

func report(ctx context.Context, o options, out io.Writer) (err error) {
	pg, err := localpg.Start(ctx, localpg.Options{Private: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Stop()) }()
	fmt.Fprintf(out, "%s/%s, %d CPUs; Postgres with its default settings; %d rounds, designs in turn\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), o.rounds)

	samples := map[design][]sample{}
	for round := range o.rounds {
		for _, d := range o.designs {
			s, err := saturate(ctx, o, pg.DSN(), d, round)
			if err != nil {
				return fmt.Errorf("round %d of %s: %w", round+1, d, err)
			}
			samples[d] = append(samples[d], s)
			fmt.Fprintf(out, "  round %d  %-7s %8.0f events/s\n", round+1, d, s.rate)
		}
	}
	printSaturation(out, o, samples)
	if err := printLatency(ctx, o, pg.DSN(), out); err != nil {
		return err
	}
	return printMemory(ctx, o, pg.DSN(), out)
}

// saturate lets a design drain a backlog as fast as it can.
func saturate(ctx context.Context, o options, dsn string, d design, round int) (s sample, err error) {
	t := task{Design: d, Seed: uint64(round + 1), Messages: o.events}
	if d == naive {
		t.Messages /= 3
	}
	r, db, err := perform(ctx, dsn, t)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.drop(ctx)) }()
	n := float64(r.Events)
	s = sample{rate: n / r.Elapsed.Seconds(), workerCPU: micros(r.CPU) / n, rss: r.MaxRSS, serverCPU: micros(db.used) / n}
	size, err := db.size(ctx)
	if err != nil {
		return s, err
	}
	perEvent := n / (1 + duplicates)
	s.disk = float64(size-db.bytes) / perEvent
	s.relations, err = db.sizes(ctx)
	for i := range s.relations {
		s.relations[i].Bytes = int64(float64(s.relations[i].Bytes) / perEvent)
	}
	return s, err
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func printSaturation(out io.Writer, o options, samples map[design][]sample) {
	rates := map[design]float64{}
	fmt.Fprintf(out, "\n%-28s %10s %18s %12s %12s %8s %10s\n",
		"saturation (medians)", "events/s", "min-max", "worker µs/ev", "server µs/ev", "RSS MB", "B/event")
	for _, d := range o.designs {
		s := samples[d]
		of := func(f func(sample) float64) float64 {
			var values []float64
			for _, one := range s {
				values = append(values, f(one))
			}
			return median(values)
		}
		rates[d] = of(func(s sample) float64 { return s.rate })
		sorted := slices.SortedFunc(slices.Values(s), func(a, b sample) int { return cmp.Compare(a.rate, b.rate) })
		fmt.Fprintf(out, "%-28s %10.0f %8.0f-%-9.0f %12.1f %12.1f %8.0f %10.0f\n", title(d), rates[d],
			sorted[0].rate, sorted[len(sorted)-1].rate,
			of(func(s sample) float64 { return s.workerCPU }), of(func(s sample) float64 { return s.serverCPU }),
			of(func(s sample) float64 { return float64(s.rss) / (1 << 20) }), of(func(s sample) float64 { return s.disk }))
	}
	if s := samples[ours]; len(s) > 0 {
		fmt.Fprint(out, "bytes per event of ours:")
		for _, r := range s[len(s)-1].relations {
			if r.Bytes >= 5 {
				fmt.Fprintf(out, " %s %d", r.Name, r.Bytes)
			}
		}
		fmt.Fprintln(out)
	}
	// Ratios of the same round, then their median: noise hits both alike.
	for _, pair := range [][2]design{
		{ours, naive}, {ours, bulk}, {ours, pullOnly}, {ruled, ours}, {hundred, ours}, {thousand, ours}, {metered, ours}, {traced, metered},
	} {
		a, b := samples[pair[0]], samples[pair[1]]
		if len(a) == 0 || len(b) == 0 {
			continue
		}
		var ratios []float64
		var list strings.Builder
		for i := range a {
			ratios = append(ratios, a[i].rate/b[i].rate)
			fmt.Fprintf(&list, " %.3f", ratios[i])
		}
		fmt.Fprintf(out, "%-7s / %-7s %7.3f (rounds:%s)\n", pair[0], pair[1], median(ratios), list.String())
	}
}

func title(d design) string {
	return map[design]string{
		pullOnly: "(a) pull only", bulk: "(b) bulk insert, log only", naive: "(c) naive, all effects", ours: "(d) ours, all effects",
		ruled: "(e) ours, 100 more rules", hundred: "(f) ours, 100 that refuse", thousand: "(g) ours, 1,000 that refuse",
		metered: "(h) ours, with metrics", traced: "(i) ours, with traces, too",
	}[d]
}

// printLatency measures publish → commit at steady rates.
func printLatency(ctx context.Context, o options, dsn string, out io.Writer) error {
	if len(o.rates) > 0 {
		fmt.Fprintf(out, "\n%-28s %8s %8s %8s\n", "publish → commit, ms", "p50", "p99", "max")
	}
	for _, rate := range o.rates {
		var p50, p99, slowest []float64
		for round := range o.rounds {
			r, db, err := perform(ctx, dsn, task{Design: ours, Seed: uint64(round + 1), Rate: rate, Messages: int(o.seconds.Seconds()) * rate})
			if err != nil {
				return fmt.Errorf("latency at %d/s: %w", rate, err)
			}
			if err := db.drop(ctx); err != nil {
				return err
			}
			slices.Sort(r.Latency)
			at := func(q float64) float64 { return micros(r.Latency[int(q*float64(len(r.Latency)-1))]) / 1e3 }
			p50, p99, slowest = append(p50, at(0.5)), append(p99, at(0.99)), append(slowest, at(1))
		}
		fmt.Fprintf(out, "%7d events/s             %8.1f %8.1f %8.1f\n", rate, median(p50), median(p99), median(slowest))
	}
	return nil
}

// printMemory drains a backlog of messages near Pub/Sub's size limit.
func printMemory(ctx context.Context, o options, dsn string, out io.Writer) error {
	if o.big == 0 {
		return nil
	}
	r, db, err := perform(ctx, dsn, task{Design: ours, Seed: 1, Messages: o.big, Bytes: 9_900_000})
	if err != nil {
		return fmt.Errorf("memory run: %w", err)
	}
	fmt.Fprintf(out, "\nbacklog of %d messages of 9.9 MB: RSS %d MB, at most %d held, %.0f MB/s\n",
		o.big, r.MaxRSS>>20, r.Held, float64(o.big)*9.9/r.Elapsed.Seconds())
	return db.drop(ctx)
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// check returns everything that is wrong with the options, and takes rates of 0 out.
func (o *options) check() error {
	var errs []error
	for _, f := range []struct {
		flag         string
		value, least int
	}{{"rounds", o.rounds, 1}, {"events", o.events, 1}, {"big", o.big, 0}, {"rates", slices.Min(append(o.rates, 0)), 0}} {
		if f.value < f.least {
			errs = append(errs, fmt.Errorf("--%s %d: want %d or more", f.flag, f.value, f.least))
		}
	}
	o.rates = slices.DeleteFunc(o.rates, func(rate int) bool { return rate == 0 })
	return errors.Join(errs...)
}
