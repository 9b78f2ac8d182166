package main

import (
	"context"
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
)

func (e *environment) probe(ctx context.Context, flags doctorFlags) error {
	cfg, err := e.Load(config.ForApply, config.ForWorker)
	if err != nil {
		return err
	}
	opts := doctor.ProbeOptions{Config: cfg, Space: flags.probe, Timeout: flags.timeout, Wait: e.Wait}
	if e.Asks {
		opts.PostManually = func(text string) error {
			e.Say("The Chat app may not post in %s. Please post any message there now, such as:\n  %s", flags.probe, text)
			return nil
		}
	}
	report := doctor.Probe(ctx, opts)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.showProbe(report); err != nil {
		return err
	}
	if report.Outcome != doctor.OK {
		return cli.Exit(cli.Failed)
	}
	return nil
}

func (e *environment) showProbe(r doctor.ProbeReport) error {
	switch e.Format {
	case cli.JSON, cli.YAML:
		return e.Encode(r)
	case cli.Name:
		if r.Message != "" {
			fmt.Fprintln(e.Out, r.Message)
		}
		return nil
	}
	for _, h := range r.Hops {
		fmt.Fprintf(e.Out, "  %s %s: %s\n", e.sign(h.Outcome), h.Name, h.Seen)
		for _, step := range h.Fix {
			fmt.Fprintf(e.Out, "      %s %s\n", e.arrow(), step)
		}
	}
	if lost := r.Lost(); lost != nil && r.Message != "" {
		fmt.Fprintf(e.Out, "\nThe event has not arrived. Look first at: %s.\n", lost.Name)
	} else if lost != nil {
		fmt.Fprintf(e.Out, "\nNo message was posted. Look first at: %s.\n", lost.Name)
	} else {
		fmt.Fprintf(e.Out, "\nIt works: recorded %.1f s after the message was posted.\n", r.Seconds)
	}
	return nil
}
