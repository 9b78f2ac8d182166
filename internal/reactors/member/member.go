// Package member holds the actions "add_member" and "remove_member": who is in
// a space, changed by the Chat app.
//
// # What it promises
//
// Somebody who is in the space already, or isn't any more, is a success, so
// that a repetition does no harm.
//
// # What the caller must do
//
// See to it that the app is in the space and that an administrator has
// approved the scope chat.app.memberships. These writes have a quota of the
// project, which gchat keeps to, and none of the space.
//
// # What happens on failure
//
// Errors come marked by gchat. An app can add no people of other
// organizations, no groups and no apps, and can't remove a space's managers:
// these are permanent errors.
//
// # Concurrency
//
// The actions keep nothing: they may be used by any number of goroutines.
package member

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Adder is what Add needs of the Chat API.
type Adder interface {
	AddMember(ctx context.Context, space, user string) (state string, err error)
}

// Remover is what Remove needs of the Chat API.
type Remover interface {
	RemoveMember(ctx context.Context, space, user string) error
}

// AddParams are the parameters of Add.
type AddParams struct {
	Space string `yaml:"space" doc:"The space to add the person to, such as spaces/AAAA."`
	User  string `yaml:"user" doc:"Whom to add, such as users/123; without it, the member whom the event is about."`
}

// RemoveParams are the parameters of Remove.
type RemoveParams struct {
	Space string `yaml:"space" doc:"The space to remove the member from, such as spaces/AAAA; without it, the one of the event."`
}

var (
	spaceName = regexp.MustCompile(`^spaces/[A-Za-z0-9_-]+$`)
	userName  = regexp.MustCompile(`^users/[A-Za-z0-9._@-]+$`)
)

// request is what is stored.
type request struct {
	Space string `json:"space"`
	User  string `json:"user"`
	Label string `json:"label"`
}

func prepare(space, user string, c reactors.PrepareContext) (json.RawMessage, error) {
	r := request{cmp.Or(space, c.Run.Space), cmp.Or(user, c.Run.Member), c.Label}
	switch {
	case r.Space == "":
		return nil, reactors.Permanent(fmt.Errorf("prepare %q: there is no space: name one, as in space: spaces/AAAA", c.Label))
	case r.User == "":
		return nil, reactors.Permanent(fmt.Errorf("prepare %q: there is nobody: the trigger has no member", c.Label))
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, reactors.Permanent(fmt.Errorf("prepare %q: %w", c.Label, err))
	}
	return raw, nil
}

// parse reads a stored request. The decoder's error might quote it.
func parse(raw json.RawMessage) (r request, err error) {
	if json.Unmarshal(raw, &r) != nil {
		return r, reactors.Permanent(errors.New("read the stored request: it isn't one of this action"))
	}
	return r, nil
}

func checkSpace(space string) []reactors.Problem {
	if space == "" || spaceName.MatchString(space) {
		return nil
	}
	return []reactors.Problem{{Field: "space", Message: "space must be the name of a space", Hint: "for example spaces/AAQAxyz"}}
}

// Add is the action "add_member".
type Add struct{ chat Adder }

// NewAdd returns the action. The Adder may be nil where nothing is acted on.
func NewAdd(chat Adder) *Add { return &Add{chat} }

// Name implements [reactors.Action].
func (*Add) Name() string { return "add_member" }

// Params implements [reactors.Action].
func (*Add) Params() any { return &AddParams{} }

// Check implements [reactors.Action].
func (*Add) Check(params any) []reactors.Problem {
	p := params.(*AddParams)
	problems := checkSpace(p.Space)
	if p.Space == "" {
		problems = append(problems, reactors.Problem{Field: "space", Message: "space is missing", Hint: "say which space to add the person to"})
	}
	if p.User != "" && !userName.MatchString(p.User) {
		problems = append(problems, reactors.Problem{Field: "user", Message: "user must be the name of a user", Hint: "for example users/123"})
	}
	return problems
}

// Prepare implements [reactors.Action].
func (*Add) Prepare(params any, c reactors.PrepareContext) (json.RawMessage, error) {
	p := params.(*AddParams)
	return prepare(p.Space, p.User, c)
}

// Act implements [reactors.Action].
func (a *Add) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := parse(raw)
	if err != nil {
		return reactors.Result{}, err
	}
	state, err := a.chat.AddMember(ctx, r.Space, r.User)
	switch {
	case err != nil:
		return reactors.Result{}, err
	case state == gchat.Invited:
		return reactors.Result{Note: "invited: they have to accept first"}, nil
	}
	return reactors.Result{}, nil
}

// Remove is the action "remove_member".
type Remove struct{ chat Remover }

// NewRemove returns the action. The Remover may be nil where nothing is acted
// on.
func NewRemove(chat Remover) *Remove { return &Remove{chat} }

// Name implements [reactors.Action].
func (*Remove) Name() string { return "remove_member" }

// Params implements [reactors.Action].
func (*Remove) Params() any { return &RemoveParams{} }

// Check implements [reactors.Action].
func (*Remove) Check(params any) []reactors.Problem { return checkSpace(params.(*RemoveParams).Space) }

// Prepare implements [reactors.Action].
func (*Remove) Prepare(params any, c reactors.PrepareContext) (json.RawMessage, error) {
	return prepare(params.(*RemoveParams).Space, "", c)
}

// Act implements [reactors.Action].
func (a *Remove) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := parse(raw)
	if err != nil {
		return reactors.Result{}, err
	}
	return reactors.Result{}, a.chat.RemoveMember(ctx, r.Space, r.User)
}
