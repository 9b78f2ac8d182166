// Package member holds the actions "add_member" and "remove_member": who is in
// a space, changed by the Chat app.
//
// # What it promises
//
// Adding somebody who is in the space and removing somebody who isn't succeed,
// so that a repetition does no harm. A removal removes only who was in the space
// when the run was due; it leaves alone who joined later, and says so in its
// note. It compares with the createTime of the membership. It removes whom it
// finds if the createTime is missing or old, if the stored request has no due
// time, in later steps of a sequence, and for invited people. Between the look
// and the removal somebody can leave and come back.
//
// # What the caller must do
//
// Add the app to the space and have an administrator approve the scope
// chat.app.memberships, which suffices for the look, too. These writes count
// towards a quota of the project, for which the requests ask, and towards none of
// the space; the look counts towards the reads of both.
//
// # What happens on failure
//
// gchat marks errors. An app can't add people of other organizations, groups or
// apps, and can't remove a space's managers: these are permanent errors. If the
// look fails, nobody is removed.
//
// # Concurrency
//
// The actions keep nothing: they may be used by any number of goroutines.
package member

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
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
	Space string `yaml:"space" required:"true" pattern:"^{space}$" doc:"The space to add the person to, such as spaces/AAAA."`
	User  string `yaml:"user" pattern:"^(|{user})$" doc:"Whom to add, such as users/123; without it, the member whom the event is about."`
}

// RemoveParams are the parameters of Remove.
type RemoveParams struct {
	Space string `yaml:"space" pattern:"^(|{space})$" doc:"The space to remove the member from, such as spaces/AAAA; without it, the one of the event."`
}

// request is what is stored.
type request struct {
	Space string `json:"space"`
	User  string `json:"user"`
	Label string `json:"label"`
	// Due is when the run of a removal was due: the removal isn't meant for who
	// joined later. Zero: it is meant for everybody.
	Due time.Time `json:"due,omitzero"`
}

func prepare(r request, c reactors.PrepareContext, verb, preposition string) (reactors.Prepared, error) {
	who, where := cmp.Or(r.User, c.Run.Trigger.Who()), cmp.Or(r.Space, "the space")
	r.Space, r.User, r.Label = cmp.Or(r.Space, c.Run.Space), cmp.Or(r.User, c.Run.Member), c.Label
	switch {
	case r.Space == "":
		return reactors.Prepared{}, c.Errorf("there is no space: name one, as in space: spaces/AAAA")
	case r.User == "":
		return reactors.Prepared{}, c.Errorf("there is nobody: the trigger has no member")
	}
	p, err := c.Encode(r, verb+" "+who+" "+preposition+" "+where)
	p.To, p.Quota = r.Space, reactors.MembershipWrites
	return p, err
}

func checkSpace(space string) []reactors.ParamError {
	if space == "" || events.IsWrittenSpace(space) {
		return nil
	}
	return []reactors.ParamError{{Field: "space", Message: "space must be the name of a space", Suggestion: "for example spaces/AAQAxyz"}}
}

// Add is the action "add_member".
type Add struct {
	reactors.Described[AddParams]
	chat Adder
}

// NewAdd returns the action. The Adder may be nil where nothing is acted on.
func NewAdd(chat Adder) *Add {
	return &Add{reactors.Describe[AddParams]("add_member", reactors.Acts), chat}
}

// Check implements [reactors.Action].
func (*Add) Check(params any) []reactors.ParamError {
	p := params.(*AddParams)
	mistakes := checkSpace(p.Space)
	if p.Space == "" {
		mistakes = append(mistakes, reactors.BadParam("space", "space is missing", "say which space to add the person to"))
	}
	if p.User != "" && !events.IsWrittenUser(p.User) {
		mistakes = append(mistakes, reactors.BadParam("user", "user must be the name of a user", "for example users/123"))
	}
	return mistakes
}

// ActsIn is the space that the person is added to.
func (*Add) ActsIn(params any) string { return params.(*AddParams).Space }

// Prepare implements [reactors.Action].
func (*Add) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*AddParams)
	return prepare(request{Space: p.Space, User: p.User}, c, "adds", "to")
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

// Remove is the action "remove_member".
type Remove struct {
	reactors.Described[RemoveParams]
	chat Remover
}

// NewRemove returns the action. The Remover may be nil where nothing is acted
// on.
func NewRemove(chat Remover) *Remove {
	return &Remove{reactors.Describe[RemoveParams]("remove_member", reactors.Acts), chat}
}

// Check implements [reactors.Action].
func (*Remove) Check(params any) []reactors.ParamError {
	return checkSpace(params.(*RemoveParams).Space)
}

// ActsIn is the space that the member is removed from; "" for the trigger's.
func (*Remove) ActsIn(params any) string { return params.(*RemoveParams).Space }

// Prepare implements [reactors.Action]. It stores the due time of a run's first
// step only. A later step waits for the one before it, which may add the person
// after the later step was due: the person would never be removed.
func (*Remove) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	r := request{Space: params.(*RemoveParams).Space}
	if c.Run.Step == 0 {
		r.Due = c.Run.Due
	}
	return prepare(r, c, "removes", "from")
}

// slack is how long after the run was due somebody may have joined and still be
// removed. The due time may be the time of the event that tells of their joining.
// Google stamps that and the membership's createTime separately and doesn't say
// how close they are; without slack, the person of the event might be left alone.
// The price: a repetition removes again who came back within this time.
const slack = 5 * time.Second

const joinedLater = "not removed: they joined the space only after this was asked for"

// Act implements [reactors.Action].
func (a *Remove) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("remove_member", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	if !r.Due.IsZero() {
		is, err := a.chat.MembershipState(ctx, r.Space, r.User)
		switch {
		case err != nil:
			return reactors.Result{}, err
		case is.State == gchat.NotMember:
			return reactors.Result{}, nil
		case is.State != gchat.Invited && is.Since.After(r.Due.Add(slack)):
			return reactors.Result{Note: joinedLater}, nil
		}
	}
	return reactors.Result{}, a.chat.RemoveMember(ctx, r.Space, r.User)
}
