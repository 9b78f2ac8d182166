// Package member holds the actions "add_member" and "remove_member": who is in
// a space, changed by the Chat app.
//
// # What it promises
//
// Somebody who is in the space already, or isn't any more, is a success, so
// that a repetition does no harm. Nor does it harm who was removed and has
// joined again before it: a removal is for those who were in the space when the
// run's turn came, and leaves alone who has joined later, which it says in its
// note. It tells so by the createTime of the membership. Where that is
// missing or old, where a version that stored no turn prepared the request,
// in later steps of a sequence, and for invited people it removes whom it finds.
// Between the look and the removal there is a moment in which somebody can
// leave and come back.
//
// # What the caller must do
//
// See to it that the app is in the space and that an administrator has
// approved the scope chat.app.memberships, which is enough for the look, too.
// These writes have a quota of the project, which gchat keeps to, and none of
// the space; the look counts among the reads of both.
//
// # What happens on failure
//
// Errors come marked by gchat. An app can add no people of other
// organizations, no groups and no apps, and can't remove a space's managers:
// these are permanent errors. Without a look nobody is removed.
//
// # Concurrency
//
// The actions keep nothing: they may be used by any number of goroutines.
package member

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Adder is what Add needs of the Chat API.
type Adder interface {
	AddMember(ctx context.Context, space, user string) (state string, err error)
}

// Remover is what Remove needs of the Chat API.
type Remover interface {
	MembershipState(ctx context.Context, space, user string) (gchat.MembershipState, error)
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
	// Turn is when the run's turn came, of removals: who joined later is not
	// meant. Zero: everybody is.
	Turn time.Time `json:"turn,omitzero"`
}

func prepare(r request, c reactors.PrepareContext) (reactors.Prepared, error) {
	r.Space, r.User, r.Label = cmp.Or(r.Space, c.Run.Space), cmp.Or(r.User, c.Run.Member), c.Label
	switch {
	case r.Space == "":
		return reactors.Prepared{}, c.Errorf("there is no space: name one, as in space: spaces/AAAA")
	case r.User == "":
		return reactors.Prepared{}, c.Errorf("there is nobody: the trigger has no member")
	}
	return c.Encode(r)
}

func checkSpace(space string) []reactors.ParamError {
	if space == "" || spaceName.MatchString(space) {
		return nil
	}
	return []reactors.ParamError{{Field: "space", Message: "space must be the name of a space", Suggestion: "for example spaces/AAQAxyz"}}
}

// Add is the action "add_member".
type Add struct{ chat Adder }

// NewAdd returns the action. The Adder may be nil where nothing is acted on.
func NewAdd(chat Adder) *Add { return &Add{chat} }

// Name implements [reactors.Action].
func (*Add) Name() string { return "add_member" }

// Kind implements [reactors.Action].
func (*Add) Kind() reactors.Kind { return reactors.Acts }

// Params implements [reactors.Action].
func (*Add) Params() any { return &AddParams{} }

// Check implements [reactors.Action].
func (*Add) Check(params any) []reactors.ParamError {
	p := params.(*AddParams)
	problems := checkSpace(p.Space)
	if p.Space == "" {
		problems = append(problems, reactors.ParamError{Field: "space", Message: "space is missing", Suggestion: "say which space to add the person to"})
	}
	if p.User != "" && !userName.MatchString(p.User) {
		problems = append(problems, reactors.ParamError{Field: "user", Message: "user must be the name of a user", Suggestion: "for example users/123"})
	}
	return problems
}

// Prepare implements [reactors.Action].
func (*Add) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*AddParams)
	return prepare(request{Space: p.Space, User: p.User}, c)
}

// Act implements [reactors.Action].
func (a *Add) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("add_member", raw)
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

// Settled implements [reactors.Action]: it sends no message.
func (*Add) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }

// Remove is the action "remove_member".
type Remove struct{ chat Remover }

// NewRemove returns the action. The Remover may be nil where nothing is acted
// on.
func NewRemove(chat Remover) *Remove { return &Remove{chat} }

// Name implements [reactors.Action].
func (*Remove) Name() string { return "remove_member" }

// Kind implements [reactors.Action].
func (*Remove) Kind() reactors.Kind { return reactors.Acts }

// Params implements [reactors.Action].
func (*Remove) Params() any { return &RemoveParams{} }

// Check implements [reactors.Action].
func (*Remove) Check(params any) []reactors.ParamError {
	return checkSpace(params.(*RemoveParams).Space)
}

// Prepare implements [reactors.Action]. It keeps the turn of a run's first step
// only. A later one waits for the step before it, and its Due stays as it was
// if that is late: if that is what adds the person, they join after Due, and
// would never be removed.
func (*Remove) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	r := request{Space: params.(*RemoveParams).Space}
	if c.Run.Step == 0 {
		r.Turn = c.Run.Due
	}
	return prepare(r, c)
}

// slack is how much later than the run's turn somebody may have joined to be
// meant all the same. The turn may be the time of the event that tells of their
// joining. Google stamps that and the membership's createTime each by itself
// and doesn't say how close they are; without slack, the very person of the
// event might be left alone. The price: who is removed and back within this
// time is removed again by a repetition.
const slack = 5 * time.Second

const joinedLater = "not removed: they joined the space only after this was asked for"

// Act implements [reactors.Action].
func (a *Remove) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("remove_member", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	if !r.Turn.IsZero() {
		is, err := a.chat.MembershipState(ctx, r.Space, r.User)
		switch {
		case err != nil:
			return reactors.Result{}, err
		case is.State == gchat.NotMember:
			return reactors.Result{}, nil
		case is.State != gchat.Invited && is.Since.After(r.Turn.Add(slack)):
			return reactors.Result{Note: joinedLater}, nil
		}
	}
	return reactors.Result{}, a.chat.RemoveMember(ctx, r.Space, r.User)
}

// Settled implements [reactors.Action]: it sends no message.
func (*Remove) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }
