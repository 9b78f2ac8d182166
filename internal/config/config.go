// Package config holds the one configuration of both binaries: one struct, one
// YAML file, and an environment variable for every key.
//
// It promises that a configuration which loads is usable: every key is known,
// every value has the right type and lies within its limits. When something is
// wrong, [Load] reports every problem at once, each with the place where it is.
//
// # What the caller must do
//
// Name in [Load] what the configuration is for, so that missing settings are
// reported together with wrong ones. Treat the result as read-only.
//
// # Secrets
//
// A [Config] never holds a secret. The password of the database stays in a file
// that [Database.ConnString] reads at each call, so a rotated password is seen
// at the next call and nothing that prints a Config can leak it. A
// password written into the configuration itself is refused.
package config

import "time"

// Config is the whole configuration. [Default] gives the values of keys that
// are not set. The comment of each field is its reference documentation:
// docs/configuration.md is generated from them.
type Config struct {
	// Project is the id of the Google Cloud project that the Chat app, the
	// topic and the Workspace Events subscriptions belong to. No default.
	Project string `yaml:"project"`

	Auth      Auth      `yaml:"auth"`
	PubSub    PubSub    `yaml:"pubsub"`
	Database  Database  `yaml:"database"`
	Workspace Workspace `yaml:"workspace"`
	Keeper    Keeper    `yaml:"keeper"`
	Backfill  Backfill  `yaml:"backfill"`
	Reactors  Reactors  `yaml:"reactors"`
	Chat      Chat      `yaml:"chat"`
	Analytics Analytics `yaml:"analytics"`
	Proof     Proof     `yaml:"proof"`
	Log       Log       `yaml:"log"`
	Health    Health    `yaml:"health"`
	Admin     Admin     `yaml:"admin"`

	// ShutdownGrace is how long a stopping worker may take to commit and ack
	// what it has in hand, 1s to 10m. Keep it below the grace period of
	// whatever stops it (30s on Kubernetes). Default 25s.
	ShutdownGrace time.Duration `yaml:"shutdown_grace"`

	Endpoints Endpoints `yaml:"-"`
}

// PubSub says where events come from and how many may be in hand.
type PubSub struct {
	// Topic is the topic that Google publishes events to: its id, or its full
	// name "projects/P/topics/T". It must be in the project. No default.
	Topic string `yaml:"topic"`

	// Subscription is the Pub/Sub subscription that the worker pulls: its id,
	// or its full name "projects/P/subscriptions/S", which may be in another
	// project. No default.
	Subscription string `yaml:"subscription"`

	// MaxOutstandingMessages bounds how many messages the worker holds that
	// are not yet committed, 1 to 100000. It caps the rate: Pub/Sub's own
	// default of 1000 allows about 10,000 events a second. Default 5000.
	MaxOutstandingMessages int `yaml:"max_outstanding_messages"`

	// MaxOutstandingBytes bounds the size of those messages: a number of
	// bytes, or one with a unit (KiB, MiB, GiB); at least 10MiB, as one message
	// can have 10 MB. Default 64MiB.
	MaxOutstandingBytes ByteSize `yaml:"max_outstanding_bytes"`

	// Manage lets subscribe-setup apply create and change the topic, the
	// subscription, the dead-letter topic and their IAM bindings. Without it
	// they are only checked, as Terraform made them. Default false.
	Manage bool `yaml:"manage"`

	// DeadLetterTopic is the topic for messages that can't be delivered: its
	// id, or its full name. Empty stands for the topic's name with
	// "-dead-letter" added. No default.
	DeadLetterTopic string `yaml:"dead_letter_topic"`
}

// Database says how to reach Postgres.
type Database struct {
	// DSN is the connection string, "postgres://user@host:5432/name" or
	// "host=… user=… dbname=…", without a password. Exclusive with dsn_file.
	// No default.
	DSN string `yaml:"dsn"`

	// DSNFile is a file that holds the connection string, which may then
	// contain a password. It is read whenever the pool is opened. No default.
	DSNFile string `yaml:"dsn_file"`

	// PasswordFile is a file that holds just the password, to go with dsn or
	// dsn_file. No default.
	PasswordFile string `yaml:"password_file"`

	// MaxConns bounds the connections to Postgres, 2 to 1000. A worker has one
	// more, to see how the database does. Default 10.
	MaxConns int `yaml:"max_conns"`
}

// Keeper says how the worker keeps subscriptions alive.
type Keeper struct {
	// Enabled lets the worker renew, reactivate and recreate subscriptions.
	// Without it each one ends when it expires. Default true.
	Enabled bool `yaml:"enabled"`

	// Interval is the pause between two looks at all subscriptions, 1m to 1h.
	// Lifecycle events are acted on at once all the same. Default 5m.
	Interval time.Duration `yaml:"interval"`

	// OnAdded subscribes a space as soon as somebody adds the Chat app to it,
	// listed under workspace or not; direct messages and group chats without a
	// name only if listed. It needs auth.mode app. Default false.
	OnAdded bool `yaml:"on_added"`
}

// Backfill says how events that were missed are fetched.
type Backfill struct {
	// Auto fetches the events of every gap as soon as it is known. Without it
	// that takes subscriber backfill. Default true.
	Auto bool `yaml:"auto"`

	// Overlap is how far before and after a gap events are fetched as well,
	// 0s to 1h, as Google delivers late and out of order. Default 5m.
	Overlap time.Duration `yaml:"overlap"`
}

// Reactors says how to act on events.
type Reactors struct {
	// File holds the rules: reactors.yaml, see docs/reactors.md. The worker
	// takes up changes of it within a second. Empty: nothing reacts. No
	// default.
	File string `yaml:"file"`

	// WebhookAllow lists networks on the inside that webhooks may call, such
	// as 10.1.2.0/24: webhooks call public addresses only, by default. No
	// default.
	WebhookAllow []string `yaml:"webhook_allow"`
}

// Chat limits the use of the Chat API.
type Chat struct {
	// WritesPerMinutePerSpace is how many messages a minute the worker sends
	// to one space, 1 to 60. Google allows 60, shared by all apps in the space.
	// Default 30.
	WritesPerMinutePerSpace int `yaml:"writes_per_minute_per_space"`

	// WritesPerMinute is how many writes a minute all workers together make,
	// 1 to 100000. Google allows a project 3,000 of messages. Default 2400.
	WritesPerMinute int `yaml:"writes_per_minute"`
}

// Analytics says how the schema analytics counts.
type Analytics struct {
	// Zone is the time zone in which days and hours begin and end, by its IANA
	// name, such as Europe/Berlin. The worker writes it into the database at
	// its start. Default UTC.
	Zone string `yaml:"zone"`
}

// Proof says who vouches for the transparency log.
type Proof struct {
	// KeyFile is a file with the secret key that checkpoints are signed with,
	// as subscriber audit key makes it. Without it none are signed. No default.
	KeyFile string `yaml:"key_file"`

	// Copies lists where checkpoints are copied to, out of reach of whoever
	// may change the database: a directory that is there, as an absolute path
	// and the same for all workers; gs://bucket/prefix; or an https address
	// that they are posted to. No default.
	Copies []string `yaml:"copies"`
}

// Log says what to log and how.
type Log struct {
	// Level is the least severe level that is logged: debug, info, warn or
	// error. Default info.
	Level string `yaml:"level"`

	// Format is json (with Cloud Logging's field names) or console (for
	// people). Default json.
	Format string `yaml:"format"`
}

// Health says where the worker answers health checks and metrics.
type Health struct {
	// Addr is the host:port to listen on. "off", or empty in the file,
	// switches it off. Default 127.0.0.1:8080.
	Addr string `yaml:"addr"`
}

// Admin says where the worker shows its own profiles.
type Admin struct {
	// Addr is the host:port, on loopback, to listen on: go tool pprof reads
	// /debug/pprof/ there. Without it, or with "off", nobody listens. No default.
	Addr string `yaml:"addr"`
}

// Endpoints replace Google's services with a fake or a proxy. They are set by
// environment variables alone. Empty stands for the real service.
type Endpoints struct {
	Chat            string // SPACEKEEPER_CHAT_ENDPOINT: base URL
	WorkspaceEvents string // SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT: base URL
	ServiceUsage    string // SPACEKEEPER_SERVICE_USAGE_ENDPOINT: base URL
	ResourceManager string // SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT: base URL
	PubSubEmulator  string // PUBSUB_EMULATOR_HOST: host:port
}

// Faked reports whether something stands in for one of Google's services that
// events come from: then no other is asked unless it has an endpoint of its own.
func (e Endpoints) Faked() bool {
	return e.Chat != "" || e.WorkspaceEvents != "" || e.PubSubEmulator != ""
}

// Default returns the configuration that an empty file gives.
func Default() Config {
	return Config{
		PubSub: PubSub{
			MaxOutstandingMessages: 5_000,
			MaxOutstandingBytes:    64 << 20,
		},
		Auth:          Auth{Mode: AuthApp},
		Database:      Database{MaxConns: 10},
		Workspace:     Workspace{EventTypes: EventTypes(), IncludeResource: true},
		Keeper:        Keeper{Enabled: true, Interval: 5 * time.Minute},
		Backfill:      Backfill{Auto: true, Overlap: 5 * time.Minute},
		Chat:          Chat{WritesPerMinutePerSpace: 30, WritesPerMinute: 2400},
		Analytics:     Analytics{Zone: "UTC"},
		Log:           Log{Level: "info", Format: "json"},
		Health:        Health{Addr: "127.0.0.1:8080"},
		ShutdownGrace: 25 * time.Second,
	}
}
