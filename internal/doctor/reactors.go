package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

const (
	membershipsScope = "https://www.googleapis.com/auth/chat.app.memberships"
	reactionsScope   = "https://www.googleapis.com/auth/chat.messages.reactions.create"
)

func reactorChecks() []check {
	const group = groupReactors
	return []check{
		{code: "SK901", group: group, name: "the rules can be read and are valid", pre: true, needs: []string{"SK101"}, run: rulesValid},
		{code: "SK902", group: group, name: "a rule is live", needs: []string{"SK901"}, run: withRules(rulesLive)},
		{code: "SK903", group: group, name: "every rule that acts as the Chat app can do so", pre: true, needs: []string{"SK901", "SK201"}, run: withRules(rulesActAsApp)},
		{code: "SK904", group: group, name: "every rule that changes members may do so", pre: true, needs: []string{"SK903", "SK401"}, run: withRules(rulesChangeMembers)},
		{code: "SK905", group: group, name: "every rule that reacts may do so", pre: true, needs: []string{"SK901", "SK302"}, run: withRules(rulesReact)},
		{code: "SK906", group: group, name: "every webhook has its secret", pre: true, needs: []string{"SK901"}, run: withRules(webhookSecrets)},
		{code: "SK907", group: group, name: "no rule is paused", needs: []string{"SK602"}, run: withStore(nothingPaused)},
		{code: "SK908", group: group, name: "every event that a rule waits for is subscribed to", pre: true, needs: []string{"SK901"}, run: withRules(rulesAwait)},
	}
}

// noRules is said by all checks alike, so that they take one line.
func noRules() finding {
	return skipped("reactors.file isn't set, so nothing reacts to events; docs/reactors.md shows the first rule")
}

func rulesValid(_ context.Context, e *examination) finding {
	if e.cfg.Reactors.File == "" {
		return noRules()
	}
	rules, err := e.rules()
	var wrong *RulesError
	switch {
	case err == nil:
		return fine("live: %d of %d", count(rules, live), count(rules, ""))
	case errors.As(err, &wrong):
		return failed(err.Error(), "subscriber reactors lint shows each problem where it is, and what to write instead").about(e.cfg.Reactors.File)
	}
	return failed(err.Error(), "correct reactors.file, or let whoever runs doctor and the worker read it: a relative name is looked for where they are started").
		about(e.cfg.Reactors.File)
}

// unruled is what comes of rules that can't be had. SK901 has said so before.
func unruled(err error) finding { return failed(err.Error(), "subscriber reactors lint") }

// rulesLive: a rule is in shadow mode unless it says otherwise, which is easy
// to forget.
func rulesLive(_ context.Context, e *examination, rules []Rule) finding {
	acting := inForce(rules)
	switch {
	case len(rules) == 0:
		return warning("the file has no rule, so nothing reacts to events", "docs/reactors.md shows the first rule").about(e.cfg.Reactors.File)
	case len(acting) > 0:
		return fine("%d of %d, and in single spaces: %d", count(rules, live), count(rules, ""), len(acting)-count(rules, live))
	}
	return warning(fmt.Sprintf("none is, so nothing is done: %d in shadow mode, %d off", count(rules, "shadow"), count(rules, "off")),
		"subscriber reactors replay --all --since 14d shows what they would have done",
		"then write mode: live, in the rule or in an override for a single space to begin with").about(idsOf(rules)...)
}

// rulesActAsApp: in the modes of people the app's own credentials are used for
// little else than what rules do, and their lack goes unnoticed for long.
func rulesActAsApp(_ context.Context, e *examination, rules []Rule) finding {
	ids, done := users(inForce(rules), asApp)
	switch {
	case len(ids) == 0:
		return fine("none does")
	case e.anonymous(), e.cfg.Auth.Mode == config.AuthApp:
		return fine("auth.mode %s, for %s", e.cfg.Auth.Mode, some(done))
	}
	identity, err := credentials.Describe(e.cfg.Auth.AsApp())
	if err == nil {
		return fine("%s, for %s", identity, some(done))
	}
	f := unidentified(err, e.cfg.Auth.AsApp())
	f.seen = fmt.Sprintf("%s (rules: %s) take the app's own credentials in every auth.mode: %s", some(done), some(ids), f.seen)
	return f.about(ids...)
}

// rulesChangeMembers asks for something to read that takes the same scope: it
// is refused in the same words.
func rulesChangeMembers(_ context.Context, e *examination, rules []Rule) finding {
	ids, done := users(inForce(rules), changesMembers)
	if len(ids) == 0 {
		return fine("none does")
	}
	space, err := e.memberScope()
	seen := fmt.Sprintf("Google misses %s for %s (rules: %s)", membershipsScope, some(done), some(ids))
	switch {
	case says(err, "must grant the app"): // what gchat says of every 403 has administrators in it, too
		return failed(seen, approval(membershipsScope)...).about(ids...)
	case says(err, "insufficient authentication scopes", "SCOPE_INSUFFICIENT"):
		return failed(seen, "use the service account of the Chat app, whose tokens hold every scope that is asked for: "+membershipsScope).about(ids...)
	case err != nil:
		return skipped("Google gave no answer that tells: %v", err)
	case space == "":
		return skipped("the Chat app is in no space to try it with")
	}
	return fine("Google doesn't refuse %s in %s", membershipsScope, space)
}

// tryMemberScope reads with a token of the one scope that changes of members take.
func (e *examination) tryMemberScope(ctx context.Context) (space string, err error) {
	c, err := e.chatAs(ctx, e.cfg.Auth.AsApp(), membershipsScope)
	if err != nil {
		return "", err
	}
	spaces, err := e.spaces()
	if e.cfg.Auth.Mode != config.AuthApp { // those are the person's
		var page gchat.SpacesPage
		page, err = c.Spaces(ctx, "")
		spaces = page.Spaces
	}
	if err != nil || len(spaces) == 0 {
		return "", err
	}
	space = spaces[0].Name
	_, err = c.SpaceEvents(ctx, gchat.EventsQuery{
		Space: space, Types: []string{events.TypeName(events.KindMembership, events.VerbCreated)}, After: e.opts.Now().Add(-time.Hour),
	})
	return space, err
}

// rulesReact reacts, since only that tells what a user's consent covers. A
// delegation gives no token for what it doesn't cover.
func rulesReact(_ context.Context, e *examination, rules []Rule) finding {
	ids, _ := users(inForce(rules), asPerson)
	if len(ids) == 0 {
		return fine("none does")
	}
	switch e.cfg.Auth.Mode {
	case config.AuthUser:
		return skipped("whether the user consented to %s shows when a rule reacts (rules: %s)", reactionsScope, some(ids))
	case config.AuthImpersonate:
		return e.delegatesReactions(ids)
	}
	return failed("only people can react in Google Chat, not an app (rules: "+some(ids)+")", "set auth.mode to user or impersonate: docs/authentication.md").about(ids...)
}

func (e *examination) delegatesReactions(ids []string) finding {
	err := e.reacting()
	switch {
	case err == nil:
		return fine("there are tokens for %s", reactionsScope)
	case tokenRefused(err):
		return failed(fmt.Sprintf("Google gives no token for %s (rules: %s): %s", reactionsScope, some(ids), unidentified(err, e.cfg.Auth).seen),
			"Admin console, Security, API controls, Domain-wide delegation: allow the service account's client id "+reactionsScope).about(ids...)
	}
	return skipped("Google couldn't be asked: %v", err)
}

// askForReactions gets a token for reactions and nothing else, by a read that
// Google refuses for it: what was asked for doesn't matter.
func (e *examination) askForReactions(ctx context.Context) error {
	spaces, err := e.spaces()
	if err != nil {
		return err
	}
	if len(spaces) == 0 {
		return errors.New("there is no space to ask about")
	}
	c, err := e.chatAs(ctx, e.cfg.Auth, reactionsScope)
	if err != nil {
		return err
	}
	_, err = c.Space(ctx, spaces[0].Name)
	if errors.Is(err, gchat.ErrDenied) || errors.Is(err, gchat.ErrGone) {
		return nil
	}
	return err
}

// webhookSecrets looks whether there is something to read; what is in it is
// for the action to judge. Lint doesn't look: the files may be elsewhere.
func webhookSecrets(_ context.Context, e *examination, rules []Rule) finding {
	var files, missing, wrong, public, fixes []string
	for _, r := range inForce(rules) {
		for _, name := range r.Secrets {
			if slices.Contains(files, name) {
				continue
			}
			files = append(files, name)
			if err := readable(name); err != nil {
				missing, wrong = append(missing, name), append(wrong, fmt.Sprintf("%v (rule %s)", err, r.ID))
			} else if readfile.IsPublic(name) {
				public, fixes = append(public, name), append(fixes, "chmod o-r "+name)
			}
		}
	}
	if len(wrong) > 0 {
		return failed(some(wrong), "write the secret that the receiver gave you, a line like whsec_BASE64, into the file, and let the worker's user read it",
			"if the file is only where the worker runs, run doctor there: a relative name is looked for where it is started").about(missing...)
	}
	if len(public) > 0 {
		return publicSecrets(public, fixes...)
	}
	return fine("files: %d", len(files))
}

// readable says why a file can't be read, or that it holds nothing.
func readable(name string) error {
	content, err := readfile.Regular(name, readfile.Secret)
	if err == nil && len(content) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	return err
}

func nothingPaused(ctx context.Context, e *examination, s *store.Store) finding {
	if e.cfg.Reactors.File == "" {
		return noRules()
	}
	switches, err := runs.New(s).Switches(ctx)
	if err != nil {
		return unqueried(err)
	}
	var seen, fix, ids []string
	for _, w := range switches {
		what, arg := w.Reactor, w.Reactor
		if w.Reactor == runs.AllReactors {
			what, arg = "all rules", "--all"
		}
		text := what + " since " + w.PausedAt.UTC().Format(time.RFC3339)
		if w.Reason != "" {
			text += fmt.Sprintf(" (%q)", w.Reason)
		}
		seen, fix, ids = append(seen, text), append(fix, "subscriber reactors resume "+arg), append(ids, what)
	}
	if len(seen) > 0 {
		return warning("paused by subscriber reactors pause: "+some(seen), fix...).about(ids...)
	}
	return fine("none is")
}

// rulesAwait compares with what is asked for in any space: a rule may be meant
// for a few of them only. Shadow counts, too: it would show that nothing happens.
func rulesAwait(_ context.Context, e *examination, rules []Rule) finding {
	var missing, lost, ids []string
	requested := e.cfg.Workspace.Requested()
	for _, r := range rules {
		for _, name := range r.Events {
			if r.Mode == off || requested[name] {
				continue
			}
			lost = appendNew(lost, name+" (rule "+r.ID+")")
			missing = appendNew(missing, name)
			ids = appendNew(ids, r.ID)
		}
	}
	switch {
	case requested == nil:
		return skipped("no space is configured here: workspace.spaces")
	case len(lost) > 0:
		return failed("no subscription asks for "+some(lost),
			"add to workspace.event_types: "+strings.Join(missing, ", "), "then run subscribe-setup apply").about(ids...)
	}
	return fine("rules: %d", count(rules, "")-count(rules, off))
}
