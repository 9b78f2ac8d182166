package doctor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// fault is one thing that is wrong with an otherwise healthy set-up, and what
// doctor says of it.
type fault struct {
	name   string
	auth   simulate.Auth // "" for the app
	inject func(*testing.T, *env)
	code   string
	want   Outcome // "" stands for Failed
	seen   string  // part of what was seen
	fix    string  // part of one of the fixes
	own    bool    // it changes the database
}

// TestFaults: each fault is found by its code and no other. What can't be told
// because of it is skipped and refers to it; all else is fine.
func TestFaults(t *testing.T) {
	t.Parallel()
	all := slices.Concat(configFaults(), identityFaults(), chatAppFaults(), topicFaults(), subscriptionFaults(), deadLetterFaults(), databaseFaults(), stateFaults(), reactorFaults())
	shared := newDatabase(t)
	covered := map[string]bool{}
	for _, f := range all {
		covered[f.code] = true
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			db := shared
			if f.own {
				db = newDatabase(t)
			}
			w := healthy(t, simulate.Options{Auth: f.auth}, db)
			f.inject(t, w)
			f.check(t, w.examine(t))
		})
	}
	for _, c := range checks() {
		if !covered[c.code] {
			t.Errorf("no fault shows that %s (%s) can fail", c.code, c.name)
		}
	}
}

func (f fault) check(t *testing.T, r Report) {
	t.Helper()
	want := f.want
	if want == "" {
		want = Failed
	}
	got := r.Result(f.code)
	if got.Outcome != want || !strings.Contains(got.Seen, f.seen) {
		t.Errorf("%s is %s, %q; want %s and %q in it", f.code, got.Outcome, got.Seen, want, f.seen)
	}
	if fix := strings.Join(got.Fix, "\n"); fix == "" || !strings.Contains(fix, f.fix) {
		t.Errorf("the fix of %s is %q, want %q in it", f.code, fix, f.fix)
	}
	if r.Outcome != want {
		t.Errorf("the report is %s, want %s", r.Outcome, want)
	}
	for _, other := range r.Results {
		refers := other.Outcome == Skipped && strings.Contains(other.Seen, f.code)
		if other.Code != f.code && other.Outcome != OK && !refers {
			t.Errorf("%s (%s) is %s for it: %s", other.Code, other.Name, other.Outcome, other.Seen)
		}
	}
	if t.Failed() {
		t.Log("\n" + lines(r))
	}
}

func condition(c simulate.Condition) func(*testing.T, *env) {
	return func(_ *testing.T, w *env) { w.SetCondition(c, true) }
}

func configFaults() []fault {
	load := func(key, value string) func(*testing.T, *env) {
		return func(t *testing.T, w *env) {
			_, w.opts.ConfigErr = config.Load("", func(name string) string {
				return map[string]string{"SPACEKEEPER_PROJECT": "acme-chat", key: value}[name]
			})
			if w.opts.ConfigErr == nil {
				t.Fatal("the configuration is right")
			}
		}
	}
	return []fault{
		{name: "unknown event type", code: "SK101", inject: load("SPACEKEEPER_WORKSPACE_EVENT_TYPES", "message.created"),
			seen: "1 problem", fix: "SPACEKEEPER_WORKSPACE_EVENT_TYPES: "},
		{name: "topic in another project", code: "SK101", inject: load("SPACEKEEPER_PUBSUB_TOPIC", "projects/other-project/topics/chat-events"),
			seen: "1 problem", fix: "Chat app's own project"},
		{name: "unreadable configuration", code: "SK101", inject: func(_ *testing.T, w *env) { w.opts.ConfigErr = errors.New("no such file") },
			seen: "no such file", fix: "docs/configuration.md"},
		{name: "overlapping targets", auth: simulate.AuthUser, code: "SK102", want: Warning, inject: func(t *testing.T, w *env) {
			w.cfg.Workspace.Targets = []config.Target{{Target: "spaces/-"}}
			w.apply(t)
		}, seen: "wider target: spaces/", fix: "out of workspace"},
		{name: "content without a keeper", code: "SK103", want: Warning, inject: func(_ *testing.T, w *env) { w.cfg.Keeper.Enabled = false },
			seen: "4 to 24 hours", fix: "keeper.enabled: true"},
		{name: "a secret that anybody may read", code: "SK104", want: Warning, inject: func(t *testing.T, w *env) {
			w.cfg.Database.PasswordFile = w.file(t, "canary")
			public(t, w.cfg.Database.PasswordFile)
		}, seen: "may read ", fix: "chmod o-r "},
	}
}

func public(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}

func identityFaults() []fault {
	return []fault{
		{name: "no credentials", code: "SK201", inject: func(t *testing.T, w *env) {
			w.cfg.Auth.CredentialsFile = t.TempDir() + "/absent.json"
		}, seen: "absent.json", fix: "auth.credentials_file"},
		{name: "a person's credentials", code: "SK201", inject: func(t *testing.T, w *env) {
			w.credentials(t, `{"type":"authorized_user","client_id":"1","client_secret":"s","refresh_token":"t"}`)
		}, seen: "a person's, who can't be the Chat app", fix: "the Chat app's service account"},
		{name: "no network", code: "SK202", inject: func(_ *testing.T, w *env) { w.cfg.Endpoints.WorkspaceEvents = "http://127.0.0.1:1/" },
			seen: "can't be reached", fix: "port 443"},
		{name: "an outage at Google", code: "SK202", inject: func(_ *testing.T, w *env) {
			w.SetEventsFaults(func(simulate.EventsCall) simulate.EventsFault { return simulate.EventsFault{Status: 503} })
		}, seen: "503", fix: "wait a few minutes"},
		{name: "a consent that has ended", auth: simulate.AuthUser, code: "SK203", inject: func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				e.reached = func() error {
					return fmt.Errorf("list the subscriptions: %w", &credentials.Error{
						Doing: "get an access token", Cause: "the user's consent has expired", Code: "invalid_grant", Status: 400, Remedy: "let the user give consent again",
					})
				}
			}
		}, seen: "consent has expired (invalid_grant)", fix: "consent again"},
		{name: "another project's service account", code: "SK206", inject: func(t *testing.T, w *env) {
			w.credentials(t, `{"type":"service_account","project_id":"other-project","client_email":"bot@other-project.iam.gserviceaccount.com","private_key":"none"}`)
		}, seen: "it is of project other-project, and project is acme-chat", fix: "use a service account of acme-chat"},
		{name: "credentials refused", code: "SK203", inject: condition(simulate.Unauthenticated), seen: "credentials", fix: "service account"},
		{name: "a virtual machine's scopes", code: "SK207", inject: func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				e.granted = func() ([]string, error) { return []string{"https://www.googleapis.com/auth/cloud-platform"}, nil }
			}
		}, seen: "they lack https://www.googleapis.com/auth/chat.app.memberships.readonly", fix: "readonly,https://www.googleapis.com/auth/chat.bot"},
		{name: "a virtual machine that can't send for a user", auth: simulate.AuthUser, code: "SK207", inject: func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				e.appGranted = func() ([]string, error) { return []string{"https://www.googleapis.com/auth/cloud-platform"}, nil }
			}
		}, seen: "the Chat app's lack https://www.googleapis.com/auth/chat.bot, with which it sends (rules: welcome)",
			fix: "access scopes, as docs/authentication.md says: https://www.googleapis.com/auth/chat.bot"},
		{name: "a user's scopes missing", auth: simulate.AuthUser, code: "SK204", inject: func(_ *testing.T, w *env) {
			w.SetScopes("https://www.googleapis.com/auth/chat.messages.readonly", "https://www.googleapis.com/auth/chat.spaces.readonly")
		}, seen: "membership", fix: "consent again, to these too: https://www.googleapis.com/auth/chat.memberships.readonly"},
		{name: "delegation without scopes", auth: simulate.AuthImpersonate, code: "SK204", inject: condition(simulate.ScopesMissing),
			seen: "membership, message, reaction, space", fix: "Domain-wide delegation"},
		{name: "no approval", code: "SK205", inject: condition(simulate.ApprovalMissing), seen: "nobody has, for events of", fix: "let an administrator install the app"},
		{name: "approval of some scopes", code: "SK205", inject: func(_ *testing.T, w *env) {
			w.SetScopes("https://www.googleapis.com/auth/chat.app.messages.readonly", "https://www.googleapis.com/auth/chat.app.spaces.readonly")
		}, seen: "events of membership", fix: "chat.app.memberships.readonly"},
	}
}

func chatAppFaults() []fault {
	hidden := func(c simulate.Condition) func(*testing.T, *env) {
		return func(_ *testing.T, w *env) {
			w.SetCondition(simulate.ServicesHidden, true)
			w.SetCondition(c, true)
		}
	}
	return []fault{
		{name: "Pub/Sub API off", code: "SK301", inject: condition(simulate.PubSubAPIDisabled), seen: "off in project acme-chat",
			fix: "gcloud services enable pubsub.googleapis.com --project=acme-chat"},
		{name: "Chat API off", code: "SK302", inject: condition(simulate.ChatAPIDisabled), fix: "gcloud services enable chat.googleapis.com"},
		{name: "Workspace Events API off", code: "SK303", inject: condition(simulate.EventsAPIDisabled), fix: "gcloud services enable workspaceevents.googleapis.com"},
		{name: "Chat API off, list of APIs hidden", code: "SK302", inject: hidden(simulate.ChatAPIDisabled), fix: "gcloud services enable chat.googleapis.com"},
		{name: "Workspace Events API off, list of APIs hidden", code: "SK303", inject: hidden(simulate.EventsAPIDisabled), fix: "gcloud services enable workspaceevents.googleapis.com"},
		{name: "app not configured", code: "SK401", inject: condition(simulate.AppNotConfigured), seen: "Google Chat app not found",
			fix: "https://console.cloud.google.com/apis/api/chat.googleapis.com/hangouts-chat?project=acme-chat"},
		{name: "app not in a space", code: "SK402", inject: func(t *testing.T, w *env) { try(t, w.RemoveMember(w.spaces[1], w.App())) },
			seen: "the Chat app is not in spaces/", fix: "Apps & integrations"},
		{name: "user not in a space", auth: simulate.AuthUser, code: "SK402", inject: func(t *testing.T, w *env) { try(t, w.RemoveMember(w.spaces[1], w.Authority())) },
			seen: "the user is not in spaces/", fix: "add the user"},
		{name: "a space that isn't there", code: "SK402", inject: func(_ *testing.T, w *env) {
			w.cfg.Workspace.Spaces = append(slices.Clone(w.spaces), "spaces/Absent")
		}, seen: "not found: spaces/Absent", fix: "correct these names"},
		{name: "a pattern without a space", code: "SK403", want: Warning, inject: func(_ *testing.T, w *env) {
			w.cfg.Workspace.Targets = []config.Target{{Target: "name:No such *"}}
		}, seen: "name:No such *", fix: "subscribe-setup spaces list"},
		{name: "our clock is slow", code: "SK801", inject: func(_ *testing.T, w *env) {
			w.opts.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
		}, seen: "behind Google's clock", fix: "timedatectl set-ntp true"},
		{name: "our clock is a little fast", code: "SK801", want: Warning, inject: func(_ *testing.T, w *env) {
			w.opts.Now = func() time.Time { return time.Now().Add(time.Minute) }
		}, seen: "ahead of Google's clock", fix: "timedatectl set-ntp true"},
		{name: "the database's clock is fast", code: "SK802", inject: func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				real := e.inspect
				e.inspect = func() (inspection, error) {
					in, err := real()
					in.Now = in.Now.Add(6 * time.Minute)
					return in, err
				}
			}
		}, seen: "the database server is 6m", fix: "where Postgres runs"},
		{name: "the clocks differ a little", code: "SK803", want: Warning, inject: func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				real := e.inspect
				e.inspect = func() (inspection, error) {
					in, err := real()
					in.Now = in.Now.Add(-10 * time.Second)
					return in, err
				}
			}
		}, seen: "10s behind this machine's", fix: "where Postgres runs"},
	}
}
