package draft

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Answers are what a new configuration needs. AddFlags says what each is.
type Answers struct {
	Project, Auth, CredentialsFile, TokenFile, Subject string
	Topic, Subscription                                string
	ManagePubSub                                       bool
	Watch                                              []string
	Follow, NamesOnly                                  bool
	Database, PasswordFile                             string
	Welcome                                            bool

	Path string // of the file that is written: the rules go beside it
}

// AddFlags adds a flag for each answer.
func (a *Answers) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&a.Project, "project", "", "id of the Chat app's Google Cloud project (default $SPACEKEEPER_PROJECT, or $GOOGLE_CLOUD_PROJECT)")
	f.StringVar(&a.Auth, "auth", config.AuthApp, "who subscribes and reads: app, user or impersonate")
	f.StringVar(&a.CredentialsFile, "credentials-file", "", "file of the service account: a workload identity configuration or a key (default: Application Default Credentials)")
	f.StringVar(&a.TokenFile, "token-file", "", "file with the user's consent, for --auth user")
	f.StringVar(&a.Subject, "subject", "", "e-mail address of the user to act for, for --auth impersonate")
	f.StringVar(&a.Topic, "topic", "chat-events", "Pub/Sub topic that Google publishes to")
	f.StringVar(&a.Subscription, "subscription", "chat-events-worker", "Pub/Sub subscription that the worker pulls")
	f.BoolVar(&a.ManagePubSub, "manage-pubsub", false, "let apply make the topic and the subscription, instead of Terraform")
	f.StringArrayVar(&a.Watch, "watch", nil, "what to watch: spaces/…, name:Team *, spaces/-, users/… or customers/my_customer; may be repeated")
	f.BoolVar(&a.Follow, "follow", false, "watch a space as soon as the Chat app is added to it")
	f.BoolVar(&a.NamesOnly, "names-only", false, "have no content in events, so that subscriptions live longer")
	f.StringVar(&a.Database, "database", "postgres://spacekeeper@127.0.0.1:5432/spacekeeper",
		"connection string of Postgres, without a password")
	f.StringVar(&a.PasswordFile, "password-file", "", "file with the password of the database")
	f.BoolVar(&a.Welcome, "welcome", false, "also write reactors.yaml, with a rule that greets people who join, in shadow mode")
}

// missing says which answers can't be done without.
func (a *Answers) missing() string {
	switch {
	case a.Project == "":
		return "--project is missing: want the id of the Chat app's Google Cloud project, such as my-project"
	case len(a.Watch) == 0 && !a.Follow:
		return "--watch is missing: say what to watch, such as --watch spaces/AAQAtX4kZ1c, or say --follow"
	}
	return ""
}

// Config is what the answers configure.
func (a *Answers) Config() config.Config {
	cfg := config.Default()
	cfg.Project = a.Project
	cfg.Auth = config.Auth{Mode: a.Auth, CredentialsFile: a.CredentialsFile, TokenFile: a.TokenFile, Subject: a.Subject}
	cfg.PubSub.Topic, cfg.PubSub.Subscription, cfg.PubSub.Manage = a.Topic, a.Subscription, a.ManagePubSub
	cfg.Database.DSN, cfg.Database.PasswordFile = a.Database, a.PasswordFile
	cfg.Workspace.IncludeResource = !a.NamesOnly
	cfg.Keeper.OnAdded = a.Follow
	if a.Welcome {
		cfg.Reactors.File = filepath.Join(filepath.Dir(a.Path), "reactors.yaml")
	}
	for _, name := range a.Watch {
		t := config.Target{Target: name}
		if kind := t.Kind(); kind == config.KindSpace || kind == "" && strings.HasPrefix(name, "https://") {
			cfg.Workspace.Spaces = append(cfg.Workspace.Spaces, name)
		} else {
			cfg.Workspace.Targets = append(cfg.Workspace.Targets, t)
		}
	}
	return cfg
}

// check finds what is wrong with the configuration. Files may be absent: it may be
// meant for another machine.
func check(cfg config.Config, needs ...config.Need) error {
	var bad *config.Error
	if err := cfg.Validate(needs...); !errors.As(err, &bad) {
		return err
	}
	elsewhere := absent(cfg)
	bad.Mistakes = slices.DeleteFunc(bad.Mistakes, func(m strictyaml.Mistake) bool {
		return slices.ContainsFunc(elsewhere, func(file string) bool {
			return strings.Contains(m.Message, " can't be used: ") && strings.Contains(m.Message, " "+file+": ")
		})
	})
	if len(bad.Mistakes) == 0 {
		return nil
	}
	return bad
}

// absent lists the files that the configuration names and that aren't here.
func absent(cfg config.Config) []string {
	var list []string
	for _, file := range []string{cfg.Auth.CredentialsFile, cfg.Auth.TokenFile, cfg.Database.PasswordFile} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			list = append(list, file)
		}
	}
	return list
}
