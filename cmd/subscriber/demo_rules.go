package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed demo_reactors.yaml
var demoRules []byte

// The demo's rules, as their file calls them.
const (
	ruleWelcome   = "welcome"
	ruleNewcomers = "newcomers"
	ruleTips      = "first-days"
	ruleHelper    = "report-helper"
)

// writeDemoRules puts the demo's rules into a folder of their own: the worker
// reads a file, as always.
func writeDemoRules() (path string, err error) {
	dir, err := os.MkdirTemp("", "spacekeeper-demo-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the demo's rules: %w", err)
	}
	path = filepath.Join(dir, "reactors.yaml")
	if err := os.WriteFile(path, demoRules, 0o600); err != nil {
		return "", fmt.Errorf("write the demo's rules: %w", err)
	}
	return path, nil
}
