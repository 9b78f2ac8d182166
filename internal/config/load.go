package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
)

// DefaultPath is the file that is read when none is named, if it's there.
const DefaultPath = "spacekeeper.yaml"

// Load reads the file at path, then lets the environment override it, and
// checks everything; each of needs adds what must be set for it. An empty path
// stands for [DefaultPath] if that exists and for no file otherwise. The error is an
// [*Error] with every problem.
func Load(path string, getenv func(string) string, needs ...Need) (Config, error) {
	cfg := Default()
	ps := &problems{}
	d := &decoder{problems: ps, fields: map[string]field{}, where: map[string]position{}, wrong: map[string]bool{}}
	leaves := fields("", reflect.ValueOf(&cfg).Elem())
	for _, f := range leaves {
		d.fields[f.path] = f
	}

	parsed := d.read(path)
	for _, f := range leaves {
		d.override(f, getenv)
	}
	cfg.Endpoints = Endpoints{
		Chat:            getenv(envChat),
		WorkspaceEvents: getenv(envWorkspaceEvents),
		ServiceUsage:    getenv(envServiceUsage),
		ResourceManager: getenv(envResourceManager),
		PubSubEmulator:  getenv(envPubSubEmulator),
	}

	c := &checker{cfg: &cfg, problems: ps, where: d.where, wrong: d.wrong}
	c.values()
	if parsed { // of a file that can't be parsed nobody knows what it sets
		c.needs(needs)
	}
	if cfg.Health.Addr == "off" {
		cfg.Health.Addr = ""
	}
	if err := ps.err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

func (d *decoder) read(path string) bool {
	optional := path == ""
	if optional {
		path = DefaultPath
	}
	raw, err := os.ReadFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		d.problems.path = "configuration (there is no " + DefaultPath + " here)"
		return true
	}
	d.problems.path = path
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.problems.at(position{}, "no such file; spacekeeper.example.yaml is a start, --config names another")
		return false
	case err != nil:
		d.problems.at(position{}, "can't be read: %v", err)
		return false
	}
	d.problems.lines = strings.Split(string(raw), "\n")
	return d.decode(raw)
}

// override takes the value of a key from the environment; an empty variable
// counts as not set.
func (d *decoder) override(f field, getenv func(string) string) {
	value := getenv(f.env())
	if value == "" {
		return
	}
	where := position{env: f.env()}
	d.where[f.path] = where
	delete(d.wrong, f.path) // what the file says no longer matters for what is needed
	if err := f.parse(value); err != nil {
		d.wrong[f.path] = true
		d.problems.at(where, "%s %s", f.path, err)
	}
}
