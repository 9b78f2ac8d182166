package doctor

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func reactorFaults() []fault {
	rulesErr := func(err error) func(*testing.T, *env) {
		return func(_ *testing.T, w *env) { w.opts.Rules = func() ([]Rule, error) { return nil, err } }
	}
	rules := func(rules ...Rule) func(*testing.T, *env) {
		return func(_ *testing.T, w *env) { w.rules = rules }
	}
	host := func(message string) func(*testing.T, *env) {
		return func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				e.memberScope = func() (string, error) { return w.spaces[0], errors.New(message) }
			}
		}
	}
	secret := func(name func(*testing.T, *env) string) func(*testing.T, *env) {
		return func(t *testing.T, w *env) { w.rules[0].Secrets = []string{name(t, w)} }
	}
	const account = `{"type":"authorized_user","client_id":"1","client_secret":"s","refresh_token":"t"}`
	return []fault{
		{name: "no such file of rules", code: "SK901", inject: rulesErr(fmt.Errorf("read rules: %w", os.ErrNotExist)),
			seen: "file does not exist", fix: "correct reactors.file"},
		{name: "a mistake in the rules", code: "SK901", inject: rulesErr(&RulesError{[]string{"reactors.yaml:7: on is missing"}}),
			seen: "1 problem: reactors.yaml:7: on is missing", fix: "subscriber reactors lint"},
		{name: "mistakes in the rules", code: "SK901", inject: rulesErr(fmt.Errorf("load: %w", &RulesError{[]string{"reactors.yaml:3: a", "reactors.yaml:9: b"}})),
			seen: "2 problems, the first: reactors.yaml:3: a", fix: "subscriber reactors lint"},
		{name: "nobody reads the rules", code: "SK901", inject: func(_ *testing.T, w *env) { w.opts.Rules = nil },
			seen: "can't be read here", fix: "correct reactors.file"},
		{name: "no rules", code: "SK902", want: Warning, inject: rules(), seen: "the file has no rule", fix: "docs/reactors.md"},
		{name: "rules in shadow mode", code: "SK902", want: Warning, inject: rules(
			Rule{ID: "welcome", Mode: "shadow", Chat: []string{"react"}, Secrets: []string{"absent"}}, // none of which is needed yet
			Rule{ID: "welcome", Space: "spaces/S", Mode: "off"}, Rule{ID: "digest", Mode: "off"},
		), seen: "nothing is done: 1 in shadow mode, 1 off", fix: "mode: live"},
		{name: "no credentials of the app", auth: simulate.AuthUser, code: "SK903", inject: func(t *testing.T, w *env) {
			w.credentials(t, account)
			w.cfg.Auth.TokenFile = w.file(t, account)
		}, seen: "send, add_member (rules: welcome) take the app's own credentials", fix: "those of the Chat app's service account"},
		{name: "members without approval", code: "SK904", inject: host("403: An administrator must grant the app the required OAuth authorization scope"),
			seen: "misses https://www.googleapis.com/auth/chat.app.memberships for add_member (rules: welcome)", fix: "let an administrator install the app"},
		{name: "members without the scope", code: "SK904", inject: host("403: Request had insufficient authentication scopes."),
			seen: "misses https://www.googleapis.com/auth/chat.app.memberships", fix: "tokens hold every scope"},
		{name: "an app that reacts", code: "SK905", inject: func(_ *testing.T, w *env) {
			w.rules = append(w.rules, Rule{ID: "cheer", Space: w.spaces[0], Mode: live, Chat: []string{"react"}})
		}, seen: "not an app (rules: cheer)", fix: "auth.mode"},
		{name: "a delegation without reactions", auth: simulate.AuthImpersonate, code: "SK905", inject: func(_ *testing.T, w *env) {
			w.tamper = func(e *examination) {
				e.reacting = func() error {
					return fmt.Errorf("read a space: %w", &credentials.Error{Doing: "get an access token", Cause: "a scope isn't listed", Code: "unauthorized_client", Status: 401})
				}
			}
		}, seen: "chat.messages.reactions.create (rules: cheer): get an access token", fix: "Domain-wide delegation"},
		{name: "no secret", code: "SK906", inject: secret(func(t *testing.T, _ *env) string { return t.TempDir() + "/absent" }),
			seen: "no such file or directory (rule welcome)", fix: "run doctor there"},
		{name: "an empty secret", code: "SK906", inject: secret(func(t *testing.T, w *env) string { return w.file(t, "") }),
			seen: "is empty (rule welcome)", fix: "whsec_"},
		{name: "a folder for a secret", code: "SK906", inject: secret(func(t *testing.T, _ *env) string { return t.TempDir() }),
			seen: "it is a directory, and must be a regular file (rule welcome)", fix: "whsec_"},
		{name: "a webhook's secret that anybody may read", code: "SK906", want: Warning, inject: secret(func(t *testing.T, w *env) string {
			name := w.file(t, "whsec_canary")
			public(t, name)
			return name
		}), seen: "may read ", fix: "chmod o-r "},
		{name: "an event that nobody asks for", code: "SK908", inject: func(_ *testing.T, w *env) {
			const unasked = "google.workspace.chat.poll.v1.created"
			w.rules[0].Events = []string{"google.workspace.chat.membership.v1.created"}
			w.rules = append(w.rules, Rule{ID: "edits", Mode: "shadow", Events: []string{unasked}}, Rule{ID: "old", Mode: "off", Events: []string{"absent"}},
				Rule{ID: "edits", Space: w.spaces[0], Mode: live, Events: []string{unasked}})
		}, seen: "no subscription asks for google.workspace.chat.poll.v1.created (rule edits)", fix: "workspace.event_types: google.workspace.chat.poll.v1.created"},
		{name: "a rule is paused", own: true, code: "SK907", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, "INSERT INTO reactor_switches (reactor, reason, paused_at) VALUES ('welcome', 'too loud', '2026-01-05T09:00:00Z')")
		}, seen: `paused by subscriber reactors pause: welcome since 2026-01-05T09:00:00Z ("too loud")`, fix: "subscriber reactors resume welcome"},
		{name: "all rules are paused", own: true, code: "SK907", want: Warning, inject: func(t *testing.T, w *env) {
			w.sql(t, "INSERT INTO reactor_switches (reactor, paused_at) VALUES ('', '2026-01-05T09:00:00Z')")
		}, seen: "all rules since 2026-01-05T09:00:00Z", fix: "subscriber reactors resume --all"},
	}
}

// TestNoRules: who lets nothing react is told how to begin, on one line, and
// isn't bothered otherwise.
func TestNoRules(t *testing.T) {
	t.Parallel()
	w := healthy(t, simulate.Options{}, newDatabase(t))
	w.cfg.Reactors.File = ""
	w.opts.Rules = func() ([]Rule, error) {
		t.Error("rules were read")
		return nil, nil
	}
	r := w.examine(t)
	said := map[string]bool{}
	for _, result := range r.Results {
		if result.Group == groupReactors {
			said[string(result.Outcome)+" "+result.Seen] = true
		}
	}
	if r.Outcome != OK || r.Counts[Skipped] != len(reactorChecks()) || len(said) != 1 || !strings.Contains(r.Result("SK901").Seen, "docs/reactors.md") {
		t.Errorf("without rules it is %s:\n%s", r.Outcome, lines(r))
	}
}

// TestOverrideActs: a rule that is live in a single space is enough.
func TestOverrideActs(t *testing.T) {
	t.Parallel()
	e := &examination{rules: func() ([]Rule, error) {
		return []Rule{{ID: "welcome", Mode: "shadow"}, {ID: "welcome", Space: "spaces/S", Mode: live}}, nil
	}}
	if got := withRules(rulesLive)(t.Context(), e); got.outcome != OK {
		t.Errorf("got %+v", got)
	}
}

// TestNotTold: what can be seen only by doing it isn't claimed.
func TestNotTold(t *testing.T) {
	t.Parallel()
	all := func() ([]Rule, error) {
		return []Rule{{ID: "cheer", Mode: live, Chat: []string{"react", "add_member"}}}, nil
	}
	offline := &credentials.Error{Cause: "no token came", Status: http.StatusBadGateway}
	for name, test := range map[string]struct {
		judge run
		e     *examination
		want  string
	}{
		"a consent": {withRules(rulesReact), &examination{cfg: config.Config{Auth: config.Auth{Mode: config.AuthUser}}}, "shows when a rule reacts"},
		"a delegation that can't be asked": {withRules(rulesReact), &examination{
			cfg: config.Config{Auth: config.Auth{Mode: config.AuthImpersonate}}, reacting: func() error { return offline },
		}, "couldn't be asked"},
		"an app without spaces": {withRules(rulesChangeMembers), &examination{memberScope: func() (string, error) { return "", nil }}, "in no space"},
		"another refusal": {withRules(rulesChangeMembers), &examination{
			memberScope: func() (string, error) { return "spaces/S", errors.New("403: ask an administrator to allow it") },
		}, "no answer that tells"},
	} {
		test.e.rules = all
		if got := test.judge(t.Context(), test.e); got.outcome != Skipped || !strings.Contains(got.seen, test.want) {
			t.Errorf("%s: got %+v, want %q in it", name, got, test.want)
		}
	}
}
