package main

import (
	"context"
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
)

func (e *environment) probe(ctx context.Context, flags doctorFlags) error {
	cfg, err := config.Load(e.configPath, e.getenv, config.ForApply, config.ForWorker)
	if err != nil {
		return err
	}
	opts := doctor.ProbeOptions{Config: cfg, Space: flags.probe, Timeout: flags.timeout, Wait: e.wait}
	if e.asks {
		opts.PostManually = func(text string) error {
			e.say("The Chat app may not post in %s. Please post any message there now, such as:\n  %s", flags.probe, text)
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
		return errSilent
	}
	return nil
}

func (e *environment) showProbe(r doctor.ProbeReport) error {
	switch e.format {
	case formatJSON, formatYAML:
		return e.encode(r)
	case formatName:
		if r.Message != "" {
			fmt.Fprintln(e.out, r.Message)
		}
		return nil
	}
	for _, h := range r.Hops {
		fmt.Fprintf(e.out, "  %s %s: %s\n", e.sign(h.Outcome), h.Name, h.Seen)
		for _, step := range h.Fix {
			fmt.Fprintf(e.out, "      %s %s\n", e.arrow(), step)
		}
	}
	if lost := r.Lost(); lost != nil && r.Message != "" {
		fmt.Fprintf(e.out, "\nThe event has not arrived. Look first at: %s.\n", lost.Name)
	} else if lost != nil {
		fmt.Fprintf(e.out, "\nNo message was posted. Look first at: %s.\n", lost.Name)
	} else {
		fmt.Fprintf(e.out, "\nIt works: recorded %.1f s after the message was posted.\n", r.Seconds)
	}
	return nil
}
