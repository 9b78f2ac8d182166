package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// reach asks Google for a few subscriptions.
func (e *examination) reach(ctx context.Context) error {
	m, err := e.manager()
	if err != nil {
		return err
	}
	return m.Reach(ctx)
}

// sight is what there is of subscriptions.
type sight struct {
	subscriptions []subscriptions.Subscription
	seenAt        time.Time // when the keeper saw them; zero if Google was asked
}

// list takes what the keeper saw lately, which costs nothing of the quota that it
// needs itself; else Google is asked.
func (e *examination) list(ctx context.Context) (sight, error) {
	if s, err := e.store(); err == nil && !e.opts.Fresh && e.cfg.Keeper.Enabled {
		seen, err := subscriptions.LastSeen(ctx, coverage.New(s)) // other checks say what is wrong with the database
		if err == nil && !seen.At.IsZero() && !seen.Late(e.opts.Now().Add(e.ahead()), e.cfg.Keeper.Interval) {
			return sight{seen.Subscriptions, seen.At}, nil
		}
	}
	m, err := e.manager()
	if err != nil {
		return sight{}, err
	}
	list, err := m.List(ctx)
	return sight{subscriptions: list}, err
}

func (e *examination) listSpaces(ctx context.Context) ([]gchat.SpaceInfo, error) {
	c, err := e.chat()
	if err != nil {
		return nil, err
	}
	return subscriptions.AllSpaces(ctx, c)
}

func (e *examination) resolve(ctx context.Context) ([]subscriptions.Desired, error) {
	return subscriptions.NewResolver(e.cfg, subscriptions.ResolverOptions{Directory: known{e}, Followed: e.followed}).Desired(ctx)
}

// followed lists the spaces that the app was added to. Other checks say what
// is wrong with the database.
func (e *examination) followed(ctx context.Context) ([]string, error) {
	var spaces []string
	if s, err := e.store(); err == nil {
		spaces, _ = coverage.New(s).FollowedSpaces(ctx)
	}
	return spaces, nil
}

// known is the list of spaces that was read already.
type known struct{ e *examination }

func (k known) Spaces(context.Context, string) (gchat.SpacesPage, error) {
	spaces, err := k.e.spaces()
	return gchat.SpacesPage{Spaces: spaces}, err
}

// access divides what is desired into what can be watched and spaces that
// can't.
type access struct {
	open   []subscriptions.Desired
	denied []string // the identity isn't in these
	gone   []string // these don't exist
}

// maxLookups is how many spaces are looked at one by one that aren't in the
// list; the rest is taken to be out of reach.
const maxLookups = 20

// findAccess looks at those spaces again that the list doesn't have: it
// leaves out direct messages and group chats in which nobody has written yet.
func (e *examination) findAccess(ctx context.Context) (access, error) {
	var a access
	desired, err := e.desired()
	if err != nil {
		return a, err
	}
	spaces, err := e.spaces()
	if err != nil {
		return a, err
	}
	in := map[string]bool{}
	for _, s := range spaces {
		in[s.Name] = true
	}
	chat, err := e.chat()
	if err != nil {
		return a, err
	}
	looks := 0
	for _, d := range desired {
		single := events.IsSpace(d.Scope)
		if !single || in[d.Scope] {
			a.open = append(a.open, d)
			continue
		}
		err := gchat.ErrDenied
		if looks++; looks <= maxLookups {
			_, err = chat.Space(ctx, d.Scope)
		}
		switch {
		case err == nil:
			a.open = append(a.open, d)
		case errors.Is(err, gchat.ErrGone):
			a.gone = append(a.gone, d.Scope)
		case errors.Is(err, gchat.ErrDenied):
			a.denied = append(a.denied, d.Scope)
		default:
			return a, err
		}
	}
	return a, nil
}

// trial is what Google says of a subscription to one kind of event types,
// without making it.
type trial struct {
	scope string // "spaces/S"
	kind  string // "message"
	types []string
	err   error // nil: Google would make it, or has done so before
}

// try asks once for each kind of event types and each kind of target.
func (e *examination) try(ctx context.Context) ([]trial, error) {
	a, err := e.access()
	if err != nil {
		return nil, err
	}
	m, err := e.manager()
	if err != nil {
		return nil, err
	}
	var trials []trial
	tried := map[string]bool{}
	for _, d := range a.open {
		for _, kind := range kindsOf(d.EventTypes) {
			key := targetKind(d.Scope) + " " + kind
			if tried[key] {
				continue
			}
			tried[key] = true
			one := d
			one.EventTypes = slices.DeleteFunc(slices.Clone(d.EventTypes), func(t string) bool { return events.ResourceOf(t) != kind })
			err := m.Validate(ctx, subscriptions.Action{Kind: subscriptions.Create, Desired: one})
			trials = append(trials, trial{d.Scope, kind, one.EventTypes, err})
		}
	}
	return trials, ctx.Err()
}

// targetKind tells the kinds of target apart: those of single spaces are one.
func targetKind(scope string) string {
	kind, rest, _ := strings.Cut(scope, "/")
	if rest == "-" {
		return scope
	}
	return kind
}

func kindsOf(types []string) []string {
	var kinds []string
	for _, t := range types {
		kinds = appendNew(kinds, events.ResourceOf(t))
	}
	return kinds
}

// says reports whether an error has one of the words in it. Google's words
// aren't documented, but there is nothing else that tells its refusals apart
// (fact sheet §4).
func says(err error, words ...string) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, strings.ToLower(w)) })
}

// askForScopes asks Google what a token holds. An endpoint on this machine gets
// no token, so nothing is missing there.
func (e *examination) askForScopes(ctx context.Context) ([]string, error) {
	scopes := credentials.Scopes(e.cfg)
	if config.IsLoopback(e.cfg.Endpoints.WorkspaceEvents) {
		return scopes, nil
	}
	return credentials.Granted(ctx, e.cfg.Auth, scopes...)
}

// askForAppScopes asks about a token that the Chat app sends with, which it does
// whoever reads.
func (e *examination) askForAppScopes(ctx context.Context) ([]string, error) {
	if config.IsLoopback(e.cfg.Endpoints.Chat) {
		return []string{credentials.BotScope}, nil
	}
	return credentials.Granted(ctx, e.cfg.Auth.AsApp(), credentials.BotScope)
}

// switchedOff reports whether Google says that an API is off.
func switchedOff(err error) bool {
	return says(err, "SERVICE_DISABLED", "has not been used in project", "is switched off", "API is off")
}

// ahead is how far Google's clock is ahead of this machine's. It is known
// once Google has answered.
func (e *examination) ahead() time.Duration {
	m, err := e.manager()
	if err != nil {
		return 0
	}
	return m.Skew()
}

// ask asks the database about itself.
func (e *examination) ask(ctx context.Context) (inspection, error) {
	s, err := e.store()
	if err != nil {
		return inspection{}, err
	}
	if _, err := s.Inspect(ctx); err != nil { // it also pays for the connection
		return inspection{}, err
	}
	before := e.opts.Now()
	in, err := s.Inspect(ctx)
	return inspection{in, before.Add(e.opts.Now().Sub(before) / 2)}, err
}
