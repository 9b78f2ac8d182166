package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newHealthcheck(env *environment) *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running worker whether it receives and records events",
		Long:  "Healthcheck exits 0 if the worker on this machine is ready (with --live: healthy), and 1 with the reason otherwise.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load()
			if err != nil {
				return err
			}
			if cfg.Health.Addr == "" {
				return fmt.Errorf("check health: health.addr is off in the configuration")
			}
			path := "/-/ready"
			if live {
				path = "/-/healthy"
			}
			return checkHealth(cmd.Context(), env.Out, "http://"+cfg.Health.Addr+path)
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "ask whether the process is worth keeping, not whether it is ready")
	return cmd
}

func checkHealth(ctx context.Context, stdout io.Writer, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check health at %s: %w", url, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("check health: %w (is the worker running?)", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("check health at %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("check health at %s: %s: %s", url, resp.Status, strings.TrimSpace(string(body)))
	}
	fmt.Fprint(stdout, string(body))
	return nil
}
