package simulate

import (
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/chat/v1"
)

// patchMessage is spaces.messages.patch: of the app's own messages.
func (a *chatAPI) patchMessage(r *chatRequest) (any, *apiError) {
	var in chat.Message
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	orCreate, apiErr := flag(r.Request, "allowMissing")
	if apiErr != nil {
		return nil, apiErr
	}
	m, apiErr := r.ownMessage()
	if orCreate && apiErr != nil && apiErr.code == http.StatusNotFound {
		return a.upsert(r, &in)
	}
	if apiErr != nil {
		return nil, apiErr
	}
	// What is not in the mask stays as it is.
	next := chat.Message{Text: m.text, CardsV2: m.cards}
	paths, apiErr := updateMask(r.URL.Query().Get("updateMask"))
	if apiErr != nil {
		return nil, apiErr
	}
	if slices.Contains(paths, "text") {
		next.Text = in.Text
	}
	if slices.Contains(paths, "cards_v2") {
		next.CardsV2 = in.CardsV2
	}
	if apiErr := checkContent(&next); apiErr != nil {
		return nil, apiErr
	}
	m.text, m.cards, m.updateTime = next.Text, next.CardsV2, a.w.state.tick()
	entry := a.entry(m)
	entry.Text, entry.Cards = m.text, len(m.cards) > 0
	entry.Updated++
	a.w.emit(m.updateTime, a.w.messageChange(r.space, m, "updated"))
	return a.render(m), nil
}

// upsert makes the message that a patch with allowMissing didn't find.
func (a *chatAPI) upsert(r *chatRequest, in *chat.Message) (any, *apiError) {
	id := r.PathValue("message")
	if !strings.HasPrefix(id, "client-") {
		return nil, invalid("A missing message can be created only with a client-assigned ID, not with %q.", id)
	}
	if r.space.byClientID[id] != nil { // deleted, and the id stays taken
		return nil, notFound("Message not found: %s/messages/%s.", r.space.name, id)
	}
	if apiErr := a.checkMessage(r.space, in, id); apiErr != nil {
		return nil, apiErr
	}
	return a.render(a.post(r.space, in, "", "", "", id)), nil
}

// deleteMessage is spaces.messages.delete: of the app's own messages, of which
// a tombstone is left. Replies stay: force is for users only.
func (a *chatAPI) deleteMessage(r *chatRequest) (any, *apiError) {
	m, apiErr := r.ownMessage()
	if apiErr != nil {
		return nil, apiErr
	}
	m.deleteTime, m.deletion = a.w.state.tick(), "CREATOR"
	m.text, m.cards = "", nil
	a.entry(m).Deleted = true
	a.w.emit(m.deleteTime, a.w.messageChange(r.space, m, "deleted"))
	return &chat.Empty{}, nil
}

// ownMessage finds a message that the app may change. What Google answers for
// one that was deleted before isn't documented; it is taken for gone here.
func (r *chatRequest) ownMessage() (*message, *apiError) {
	m, apiErr := r.message()
	switch {
	case apiErr != nil:
		return nil, apiErr
	case m.listed == 0:
		return nil, denied("Chat apps can change only messages that they created.")
	case !m.deleteTime.IsZero():
		return nil, notFound("Message not found: %s.", m.name)
	}
	return m, nil
}

// entry is the truth's of one of the app's messages.
func (a *chatAPI) entry(m *message) *AppMessage { return &a.w.truth.AppMessages[m.listed-1] }

// updateMask reads the paths of a mask, in the form with underscores.
func updateMask(mask string) ([]string, *apiError) {
	if mask == "" {
		return nil, invalid("The update mask is required.")
	}
	if mask == "*" {
		return []string{"text", "cards_v2"}, nil
	}
	var paths []string
	for path := range strings.SplitSeq(mask, ",") {
		switch path {
		case "text":
		case "cards_v2", "cardsV2":
			path = "cards_v2"
		case "attachment", "cards", "accessory_widgets", "accessoryWidgets", "quoted_message_metadata", "quotedMessageMetadata":
			return nil, unimplemented("can't change %s.", path)
		default:
			return nil, invalid("Invalid path %q in the update mask.", path)
		}
		paths = append(paths, path)
	}
	return paths, nil
}
