package send

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// finder looks messages up.
type finder interface {
	MessageByClientID(ctx context.Context, space, clientID string) (m gchat.Message, found bool, err error)
}

// Updater is what Update needs of the Chat API.
type Updater interface {
	finder
	UpdateMessage(context.Context, gchat.UpdateMessage) (gchat.Message, error)
}

// Deleter is what Delete needs of the Chat API.
type Deleter interface {
	finder
	DeleteMessage(ctx context.Context, name string) error
}

// UpdateParams are the parameters of Update.
type UpdateParams struct {
	Of    string            `yaml:"of" required:"true" pattern:"." doc:"The id of the send whose message is changed."`
	Space string            `yaml:"space" pattern:"^(|{space})$" doc:"The space that it was sent to, if that is another than the trigger's."`
	Text  reactors.ChatText `yaml:"text" or:"card" doc:"The new text; without it the old one stays."`
	Card  reactors.Card     `yaml:"card" doc:"The new cards; without them the old ones stay."`
}

// DeleteParams are the parameters of Delete.
type DeleteParams struct {
	Of    string `yaml:"of" required:"true" pattern:"." doc:"The id of the send whose message is deleted."`
	Space string `yaml:"space" pattern:"^(|{space})$" doc:"The space that it was sent to, if that is another than the trigger's."`
}

// target is a message, by the ids that it may have been sent with.
type target struct {
	Space      string `json:"space"`
	MessageID  string `json:"message_id"`
	FallbackID string `json:"fallback_message_id"`
	Label      string `json:"label"` // of the action that changes it
}

func targetOf(of, space string, c reactors.PrepareContext) (target, error) {
	t := target{cmp.Or(space, c.Run.Space), c.IDs.Message(of), c.IDs.Message(fallback(of)), c.Label}
	if t.Space == "" {
		return t, c.Errorf("there is no space to look for the message in: name one, as in space: spaces/AAAA")
	}
	return t, nil
}

// errAbsent says that there is no message to work on.
var errAbsent = errors.New("the message isn't there: it was deleted, or never sent")

// find returns the name by which the message is there, or errAbsent. It reads,
// as a write that misses would use up a write slot.
func (t target) find(ctx context.Context, chat finder) (name string, err error) {
	for _, id := range []string{t.MessageID, t.FallbackID} {
		name := t.Space + "/messages/" + id
		m, found, err := chat.MessageByClientID(ctx, t.Space, id)
		switch {
		case reactors.IsPermanent(err): // the app may write but not read here
			return name, nil
		case err != nil:
			return "", err
		case found && m.Deleted:
			return "", errAbsent
		case found:
			return name, nil
		}
	}
	return "", errAbsent
}

// effectOn says which message is changed.
func effectOn(verb, of, space string) string {
	return fmt.Sprintf("%s the message %q in %s", verb, of, cmp.Or(space, "the space"))
}

func checkTarget(of, space string) (mistakes []reactors.ParamError) {
	if of == "" {
		mistakes = append(mistakes, reactors.BadParam("of", "of is missing", "give the send an id, and name it here"))
	}
	if space != "" && !events.IsWrittenSpace(space) {
		mistakes = append(mistakes, reactors.BadParam("space", "space must be the name of a space", "for example spaces/AAQAxyz"))
	}
	return mistakes
}

// Update is the action "update".
type Update struct {
	reactors.Described[UpdateParams]
	chat Updater
}

// NewUpdate returns the action. The Updater may be nil where nothing is acted
// on.
func NewUpdate(chat Updater) *Update {
	return &Update{reactors.Describe[UpdateParams]("update", reactors.Acts), chat}
}

// Check implements [reactors.Action].
func (*Update) Check(params any) []reactors.ParamError {
	p := params.(*UpdateParams)
	return append(checkTarget(p.Of, p.Space), gchat.ContentErrors(p.Text, p.Card)...)
}

// ActsIn is the space of the message; "" for the trigger's.
func (*Update) ActsIn(params any) string { return params.(*UpdateParams).Space }

type updateRequest struct {
	target
	Text  string          `json:"text,omitempty"`
	Cards json.RawMessage `json:"cards,omitempty"`
}

// Prepare implements [reactors.Action].
func (*Update) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*UpdateParams)
	t, err := targetOf(p.Of, p.Space, c)
	if err != nil {
		return reactors.Prepared{}, err
	}
	request := updateRequest{t, p.Text.Value, p.Card.Value}
	return encode(c, request, effectOn("changes", p.Of, p.Space), p.Text.Value, p.Card.Value, reactors.Write{Space: t.Space})
}

// Act implements [reactors.Action].
func (u *Update) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[updateRequest]("update", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	name, err := r.find(ctx, u.chat)
	if errors.Is(err, errAbsent) {
		return reactors.Result{}, reactors.Permanent(fmt.Errorf("change a message in %s: %w", r.Space, err))
	}
	if err != nil {
		return reactors.Result{}, err
	}
	m, err := u.chat.UpdateMessage(ctx, gchat.UpdateMessage{Name: name, Text: r.Text, Cards: r.Cards})
	return reactors.Result{Message: m.Name}, err
}

// Delete is the action "delete".
type Delete struct {
	reactors.Described[DeleteParams]
	chat Deleter
}

// NewDelete returns the action. The Deleter may be nil where nothing is acted
// on.
func NewDelete(chat Deleter) *Delete {
	return &Delete{reactors.Describe[DeleteParams]("delete", reactors.Acts), chat}
}

// Check implements [reactors.Action].
func (*Delete) Check(params any) []reactors.ParamError {
	p := params.(*DeleteParams)
	return checkTarget(p.Of, p.Space)
}

// ActsIn is the space of the message; "" for the trigger's.
func (*Delete) ActsIn(params any) string { return params.(*DeleteParams).Space }

// Prepare implements [reactors.Action].
func (*Delete) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*DeleteParams)
	t, err := targetOf(p.Of, p.Space, c)
	if err != nil {
		return reactors.Prepared{}, err
	}
	prepared, err := c.Encode(t, effectOn("deletes", p.Of, p.Space))
	prepared.Write = &reactors.Write{Space: t.Space}
	return prepared, err
}

// Act implements [reactors.Action].
func (d *Delete) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	t, err := reactors.ReadRequest[target]("delete", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	name, err := t.find(ctx, d.chat)
	if errors.Is(err, errAbsent) {
		return reactors.Result{Note: "there was no message to delete"}, nil
	}
	if err != nil {
		return reactors.Result{}, err
	}
	return reactors.Result{}, d.chat.DeleteMessage(ctx, name)
}
