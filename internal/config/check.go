package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const (
	envChat            = "SPACEKEEPER_CHAT_ENDPOINT"
	envWorkspaceEvents = "SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT"
	envServiceUsage    = "SPACEKEEPER_SERVICE_USAGE_ENDPOINT"
	envResourceManager = "SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT"
	envPubSubEmulator  = "PUBSUB_EMULATOR_HOST"
)

// checker reads a configuration, and reports values that have the right type
// and are wrong all the same.
type checker struct {
	*strictyaml.Decoder
	cfg  *Config
	file strictyaml.Position // the file as a whole, for what isn't in it
}

func newChecker(cfg *Config) *checker {
	c := &checker{strictyaml.NewDecoder(&strictyaml.Mistakes{}), cfg, strictyaml.From("configuration")}
	c.Special, c.Suggest = c.special, suggestKey
	return c
}

func (c *checker) err() error {
	if len(c.List) == 0 {
		return nil
	}
	return &Error{c.Sorted()}
}

// add reports a mistake in the value at path, where it was set.
func (c *checker) add(path, format string, args ...any) {
	at := c.file
	if n := c.Nodes[path]; n != nil {
		at = n.At
	}
	c.At(at, "", format, args...)
}

func (c *checker) values() {
	cfg := c.cfg
	if cfg.Project != "" && !projectID.MatchString(cfg.Project) {
		c.add("project", "project %q is not a project id: 6 to 30 lower-case letters, digits and hyphens", cfg.Project)
	}
	c.auth()
	c.pubsub()
	c.database()
	c.spaces()
	c.targets()
	c.eventTypes("workspace.event_types", cfg.Workspace.EventTypes, KindSpace, "all of a space")
	c.duration("keeper.interval", cfg.Keeper.Interval, time.Minute, time.Hour)
	if cfg.Keeper.OnAdded && cfg.Auth.Mode != AuthApp && isAuthMode(cfg.Auth.Mode) {
		c.add("keeper.on_added", "keeper.on_added needs auth.mode app: it is the Chat app that is added, and the mode is %s", cfg.Auth.Mode)
	}
	c.duration("backfill.overlap", cfg.Backfill.Overlap, 0, time.Hour)
	c.reactors()
	c.proof()
	c.between("chat.writes_per_minute_per_space", cfg.Chat.WritesPerMinutePerSpace, 1, 60)
	c.between("chat.writes_per_minute", cfg.Chat.WritesPerMinute, 1, 100_000)
	c.oneOf("log.level", cfg.Log.Level, "debug", "info", "warn", "error")
	c.oneOf("log.format", cfg.Log.Format, "json", "console")
	c.duration("shutdown_grace", cfg.ShutdownGrace, time.Second, 10*time.Minute)
	if addr := cfg.Health.Addr; addr != "" && addr != "off" && !IsHostPort(addr) {
		c.add("health.addr", "health.addr %q is not host:port, nor off", addr)
	}
	switch addr := cfg.Admin.Addr; {
	case addr == "", addr == "off":
	case !IsHostPort(addr):
		c.add("admin.addr", "admin.addr %q is not host:port, nor off", addr)
	case !IsLoopback("http://" + addr):
		c.add("admin.addr", "admin.addr %q is not on loopback: profiles are for who is on this machine; write 127.0.0.1:6060", addr)
	}
	c.endpoint(envChat, cfg.Endpoints.Chat)
	c.endpoint(envWorkspaceEvents, cfg.Endpoints.WorkspaceEvents)
	c.endpoint(envServiceUsage, cfg.Endpoints.ServiceUsage)
	c.endpoint(envResourceManager, cfg.Endpoints.ResourceManager)
	if host := cfg.Endpoints.PubSubEmulator; host != "" && !IsHostPort(host) {
		c.At(fromEnv(envPubSubEmulator), "", "%q is not host:port", host)
	}
}

var (
	projectID  = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	resourceID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

func (c *checker) pubsub() {
	p := c.cfg.PubSub
	if project, ok := c.resource("pubsub.topic", p.Topic, "topics"); ok && project != "" && c.cfg.Project != "" && project != c.cfg.Project {
		c.add("pubsub.topic", "pubsub.topic is in project %q; Google publishes only to topics of the Chat app's own project, %q", project, c.cfg.Project)
	}
	c.resource("pubsub.subscription", p.Subscription, "subscriptions")
	c.deadLetter()
	c.between("pubsub.max_outstanding_messages", p.MaxOutstandingMessages, 1, 100_000)
	if p.MaxOutstandingBytes < 10<<20 || p.MaxOutstandingBytes > 64<<30 {
		c.add("pubsub.max_outstanding_bytes", "pubsub.max_outstanding_bytes is %s; it must be from 10MiB to 64GiB", p.MaxOutstandingBytes)
	}
}

func (c *checker) deadLetter() {
	const path = "pubsub.dead_letter_topic"
	p := c.cfg.PubSub
	_, ok := c.resource(path, p.DeadLetterTopic, "topics")
	id := p.Topic[strings.LastIndex(p.Topic, "/")+1:]
	switch {
	case p.Topic == "" || !ok:
	case p.DeadLetterTopic == "" && len(id+deadLetterSuffix) > 255:
		c.add(path, "%s must be set, as the topic's name with %s added would be longer than 255 characters", path, deadLetterSuffix)
	case c.cfg.DeadLetterTopicName() == c.cfg.TopicName():
		c.add(path, "%s is the topic that events come from; undeliverable messages would come back for ever", path)
	}
}

// resource checks a Pub/Sub id or full name, and returns the project of the latter.
func (c *checker) resource(path, value, collection string) (project string, ok bool) {
	if value == "" {
		return "", true
	}
	id := value
	if parts := strings.Split(value, "/"); len(parts) == 4 && parts[0] == "projects" && parts[2] == collection {
		project, id = parts[1], parts[3]
	}
	switch {
	case !resourceID.MatchString(id):
		c.add(path, "%s %q must be an id of 3 to 255 letters, digits and -._~+%%, or a full name projects/P/%s/…", path, value, collection)
	case strings.HasPrefix(id, "goog"):
		c.add(path, "%s %q: Pub/Sub allows no id that begins with goog", path, value)
	default:
		return project, true
	}
	return "", false
}

func (c *checker) database() {
	db := c.cfg.Database
	if db.DSN != "" && db.DSNFile != "" {
		c.add("database.dsn_file", "database.dsn and database.dsn_file are both set; keep one")
	}
	switch {
	case hasPassword(db.DSN):
		c.add("database.dsn", "database.dsn holds a password; put the password alone into a file, name that as database.password_file, and take it out of here")
	case db.DSN != "" && !isURL(db.DSN) && !strings.Contains(db.DSN, "="):
		c.add("database.dsn", `database.dsn must look like "postgres://user@host:5432/name" or "host=… user=… dbname=…"`)
	}
	for _, f := range []struct{ path, file string }{
		{"database.dsn_file", db.DSNFile}, {"database.password_file", db.PasswordFile},
	} {
		if f.file == "" {
			continue
		}
		if _, err := readSecret(f.file); err != nil {
			c.add(f.path, "%s can't be used: %v", f.path, err)
		}
	}
	c.between("database.max_conns", db.MaxConns, 2, 1000)
}

func (c *checker) reactors() {
	const path = "reactors.webhook_allow"
	for i, network := range c.cfg.Reactors.WebhookAllow {
		if _, err := netip.ParsePrefix(network); err != nil && !c.Wrong[strictyaml.Item(path, i)] {
			c.add(path, "reactors.webhook_allow has %q; it must be a network such as 10.1.2.0/24", network)
		}
	}
}

func (c *checker) proof() {
	const path = "proof.copies"
	p := c.cfg.Proof
	if len(p.Copies) > 0 && p.KeyFile == "" {
		c.add("proof.key_file", "%s needs proof.key_file: what isn't signed isn't copied; subscriber audit key makes one", path)
	}
	for i, to := range p.Copies {
		at := strictyaml.Item(path, i)
		u, err := url.Parse(to)
		switch {
		case c.Wrong[at], filepath.IsAbs(to):
		case err == nil && u.Scheme == "gs" && u.Host != "" && u.RawQuery == "" && u.Fragment == "":
		case err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.Fragment == "":
		default:
			c.add(at, "%s %q must be an absolute path, gs://bucket/prefix, or an https address without a user", at, mask(to))
		}
	}
}

func (c *checker) between(path string, n, low, high int) {
	if n < low || n > high {
		c.add(path, "%s is %d; it must be from %d to %d", path, n, low, high)
	}
}

func (c *checker) duration(path string, d, low, high time.Duration) {
	if d < low || d > high {
		say := strictyaml.FormatDuration
		c.add(path, "%s is %s; it must be from %s to %s", path, say(d), say(low), say(high))
	}
}

func (c *checker) oneOf(path, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	c.add(path, "%s %q must be one of %s%s", path, value, strings.Join(allowed, ", "), didYouMean(value, allowed))
}

// didYouMean ends a message with the word that was probably meant, if any was.
func didYouMean(word string, allowed []string) string {
	if near := strictyaml.Nearest(word, allowed); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// endpoint refuses plain HTTP to another machine: credentials would be sent in the clear.
func (c *checker) endpoint(env, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil:
		c.At(fromEnv(env), "", "must be a base URL such as http://127.0.0.1:8085")
	case u.Scheme == "http" && !IsLoopback(value):
		c.At(fromEnv(env), "", "%s is another machine and must be https, as credentials are sent to it", u.Host)
	}
}

// IsHostPort reports whether s is an address such as "127.0.0.1:8080".
func IsHostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n <= 65535
}
