package config

import (
	"errors"
	"io/fs"
	"reflect"
	"strconv"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// DefaultPath is the file that is read when none is named, if it's there.
const DefaultPath = "spacekeeper.yaml"

// Error is everything that is wrong with a configuration.
type Error struct {
	Mistakes []strictyaml.Mistake // in the order of the file; those without a place in it last
}

func (e *Error) Error() string { return strictyaml.Report(e.Mistakes, "the configuration") }

// Load reads the file at path, then lets the environment override it, and
// checks everything; each of needs adds what must be set for it. An empty path
// stands for [DefaultPath] if that exists and for no file otherwise. The error
// is an [*Error] with every mistake.
func Load(path string, getenv func(string) string, needs ...Need) (Config, error) {
	cfg := Default()
	c := newChecker(&cfg)
	parsed := c.read(path)
	for _, f := range fields("", reflect.ValueOf(&cfg).Elem()) {
		if value := getenv(f.env()); value != "" {
			c.override(f, value)
		}
	}
	cfg.Endpoints = Endpoints{
		Chat:            getenv(envChat),
		WorkspaceEvents: getenv(envWorkspaceEvents),
		ServiceUsage:    getenv(envServiceUsage),
		ResourceManager: getenv(envResourceManager),
		PubSubEmulator:  getenv(envPubSubEmulator),
	}
	c.values()
	if parsed { // of a file that can't be parsed nobody knows what it sets
		c.needs(needs)
	}
	if cfg.Admin.Addr == "off" {
		cfg.Admin.Addr = ""
	}
	if cfg.Health.Addr == "off" {
		cfg.Health.Addr = ""
	}
	if err := c.err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// read reports whether the file could be parsed at all.
func (c *checker) read(path string) bool {
	optional := path == ""
	if optional {
		path = DefaultPath
	}
	raw, err := readfile.Regular(path, readfile.Text)
	if optional && errors.Is(err, fs.ErrNotExist) {
		c.file = strictyaml.From("configuration (there is no " + DefaultPath + " here; subscribe-setup init writes one)")
		return true
	}
	src := strictyaml.NewSource(path, raw)
	src.Mask = mask
	c.file = src.At(0, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.At(c.file, "", "no such file; subscribe-setup init writes one, --config names another")
		return false
	case err != nil:
		if at := new(fs.PathError); errors.As(err, &at) {
			err = at.Err // the file is named already
		}
		c.At(c.file, "", "can't be read: %v", err)
		return false
	}
	top := c.Read(src)
	if top != nil {
		c.Decode("", top, c.cfg)
	}
	return top != nil || len(c.List) == 0
}

// special reads what isn't written as its type is elsewhere.
func (c *checker) special(path string, n *strictyaml.Node, to any) bool {
	switch p := to.(type) {
	case *int: // in quotes as well: templates write them so
		if i, err := strconv.ParseInt(n.Text, 10, 32); err == nil && n.Kind == strictyaml.Text {
			*p = int(i)
			return true
		}
	case *ByteSize:
		size, err := parseByteSize(n.Text)
		if err != nil || n.Kind != strictyaml.Text && n.Kind != strictyaml.Number {
			c.Refuse(path, n, "", "%s must be a number of bytes, alone or with KiB, MiB or GiB, such as 64MiB", path)
			return true
		}
		*p = size
		return true
	}
	return false
}

// override takes the value of a key from the environment, where everything is
// text.
func (c *checker) override(f field, value string) {
	n := &strictyaml.Node{Kind: strictyaml.Text, Text: value, At: fromEnv(f.env())}
	delete(c.Wrong, f.path) // what the file says doesn't matter any more
	switch f.value.Interface().(type) {
	case bool, *bool:
		if value == "true" || value == "false" {
			n.Kind = strictyaml.Boolean
		}
	case int:
		if _, err := strconv.ParseFloat(value, 64); err == nil {
			n.Kind = strictyaml.Number
		}
	case []string:
		n.Kind = strictyaml.List
		for _, s := range strings.Split(value, ",") {
			if s = strings.TrimSpace(s); s != "" {
				n.Items = append(n.Items, &strictyaml.Node{Kind: strictyaml.Text, Text: s, At: n.At})
			}
		}
	case []Target:
		c.Refuse(f.path, n, "", "%s can only be set in the file; SPACEKEEPER_WORKSPACE_SPACES takes single spaces", f.path)
		return
	}
	c.Decode(f.path, n, f.value.Addr().Interface())
}

func fromEnv(name string) strictyaml.Position { return strictyaml.From("environment " + name) }
