package simulate

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// createMessage is spaces.messages.create.
func (a *chatAPI) createMessage(r *chatRequest) (any, *apiError) {
	var in chat.Message
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	q := r.URL.Query()
	requestID, messageID := q.Get("requestId"), q.Get("messageId")
	if !r.fault.Twice {
		if m := r.space.byRequestID[requestID]; m != nil && requestID != "" {
			// "The returned message might not be fully populated."
			return &chat.Message{Name: m.name, CreateTime: stamp(m.createTime)}, nil
		}
	}
	if apiErr := a.checkMessage(r.space, &in, messageID); apiErr != nil {
		return nil, apiErr
	}
	if messageID != "" && r.space.byClientID[messageID] != nil && !r.fault.Twice {
		return nil, conflict("A message with the ID %s already exists in this space.", messageID)
	}
	thread, key, apiErr := replyTo(r.space, &in, q.Get("messageReplyOption"), q.Get("threadKey"))
	if apiErr != nil {
		return nil, apiErr
	}
	m := a.post(r.space, &in, thread, key, requestID, messageID)
	if r.fault.Twice {
		a.post(r.space, &in, thread, key, requestID, "")
	}
	return a.render(m), nil
}

// post accepts the message and emits its event.
func (a *chatAPI) post(s *space, in *chat.Message, thread, key, requestID, messageID string) *message {
	st := &a.w.state
	m := st.newMessage(s, st.app, in.Text, thread, st.tick())
	m.threadKey, m.clientID, m.cards = key, messageID, in.CardsV2
	if key != "" && s.threadKeys[key] == "" {
		s.threadKeys[key] = m.thread
	}
	if in.PrivateMessageViewer != nil {
		m.viewer = in.PrivateMessageViewer.Name
	}
	if messageID != "" {
		s.byClientID[messageID] = m
	}
	if requestID != "" {
		s.byRequestID[requestID] = m
	}
	a.w.truth.AppMessages = append(a.w.truth.AppMessages, AppMessage{
		Space: s.name, Name: m.name, ClientID: messageID, RequestID: requestID, Viewer: m.viewer,
		Thread: m.thread, Text: m.text, Cards: len(m.cards) > 0, Time: m.createTime,
	})
	m.listed = len(a.w.truth.AppMessages)
	a.w.emit(m.createTime, a.w.messageChange(s, m, "created"))
	return m
}

func (a *chatAPI) checkMessage(s *space, in *chat.Message, messageID string) *apiError {
	if messageID != "" && !events.IsClientID(messageID) {
		return invalid("Invalid message ID %q: it must begin with \"client-\" and contain up to 63 lowercase letters, numbers and hyphens.", messageID)
	}
	if apiErr := checkContent(in); apiErr != nil {
		return apiErr
	}
	if in.PrivateMessageViewer == nil {
		return nil
	}
	viewer := in.PrivateMessageViewer.Name
	switch u := a.w.state.users[viewer]; {
	case len(in.Attachment) > 0:
		return invalid("Private messages can't have attachments.")
	case u == nil || u.userType == typeBot:
		return invalid("Invalid private message viewer %q.", viewer)
	case !s.isIn(viewer):
		// What Google answers here isn't documented.
		return invalid("The private message viewer %q is not a member of the space.", viewer)
	}
	return nil
}

// checkContent holds text and cards against Chat's limits.
func checkContent(m *chat.Message) *apiError {
	cards, apiErr := checkCards(m.CardsV2)
	if apiErr != nil {
		return apiErr
	}
	switch size := len(m.Text) + len(m.FallbackText) + cards; {
	case len(m.Cards) > 0:
		return invalid("Cards of version 1 aren't supported by the simulated Workspace.")
	case size == 0 && len(m.Attachment) == 0:
		return invalid("Message cannot be empty.")
	case size > maxMessageBytes:
		return invalid("Message is too long: %d bytes, over the limit of %d.", size, maxMessageBytes)
	}
	return nil
}

// checkCards returns the size of the list, 0 if there are none. A card may
// have 32 KB, which is read as it is for messages.
func checkCards(cards []*chat.CardWithId) (int, *apiError) {
	if len(cards) == 0 {
		return 0, nil
	}
	ids := map[string]bool{}
	for _, c := range cards {
		switch {
		case c == nil || c.Card == nil:
			return 0, invalid("Invalid card: it is empty.")
		case len(cards) > 1 && (c.CardId == "" || ids[c.CardId]):
			return 0, invalid("Invalid card ID %q: it is required and must be unique if there are several cards.", c.CardId)
		}
		ids[c.CardId] = true
		raw, err := json.Marshal(c.Card)
		if err != nil {
			return 0, invalid("Invalid card: %v", err)
		}
		if len(raw) > maxMessageBytes {
			return 0, invalid("Card is too large: %d bytes, over the limit of %d.", len(raw), maxMessageBytes)
		}
	}
	all, err := json.Marshal(cards)
	if err != nil {
		return 0, invalid("Invalid cards: %v", err)
	}
	return len(all), nil
}

// replyTo finds the thread to write in: "" for a new one.
func replyTo(s *space, in *chat.Message, option, oldKey string) (thread, key string, apiErr *apiError) {
	if s.directFor != "" {
		option = "" // "only supported in named spaces"
	}
	key = oldKey
	var name string
	if in.Thread != nil {
		name = in.Thread.Name
		key = cmp.Or(in.Thread.ThreadKey, key)
	}
	if len(key) > 4000 {
		return "", "", invalid("Thread key has %d characters, over the limit of 4000.", len(key))
	}
	if name == "" {
		name = s.threadKeys[key]
	}
	found := name != "" && s.threads[name]
	switch option {
	case "", "MESSAGE_REPLY_OPTION_UNSPECIFIED":
		return "", key, nil // the documented default: a new thread, whatever was asked for
	case "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD":
		if !found {
			name = ""
		}
		return name, key, nil
	case "REPLY_MESSAGE_OR_FAIL":
		if !found {
			return "", "", notFound("The thread to reply to was not found.")
		}
		return name, key, nil
	default:
		return "", "", invalid("Invalid value at 'message_reply_option': %q", option)
	}
}

// getMessage is spaces.messages.get, by name or client-assigned id.
func (a *chatAPI) getMessage(r *chatRequest) (any, *apiError) {
	m, apiErr := r.message()
	if apiErr != nil {
		return nil, apiErr
	}
	if m.swept {
		return nil, denied("Permission denied to perform the requested action on the specified resource.")
	}
	return a.render(m), nil
}

// message finds the one that a call names.
func (r *chatRequest) message() (*message, *apiError) {
	id := r.PathValue("message")
	m := r.space.byClientID[id]
	if m == nil {
		m = r.space.messages[r.space.name+"/messages/"+id]
	}
	if m == nil {
		return nil, notFound("Message not found: %s/messages/%s.", r.space.name, id)
	}
	return m, nil
}

// listMessages is spaces.messages.list: public messages only, no filter.
func (a *chatAPI) listMessages(r *chatRequest) (any, *apiError) {
	if r.URL.Query().Get("filter") != "" {
		return nil, unimplemented("can't filter messages.")
	}
	showDeleted, apiErr := flag(r.Request, "showDeleted")
	if apiErr != nil {
		return nil, apiErr
	}
	var all []*message
	for _, m := range r.space.order {
		if m.viewer == "" && !m.swept && (showDeleted || m.deleteTime.IsZero()) {
			all = append(all, m)
		}
	}
	switch order := strings.ToUpper(r.URL.Query().Get("orderBy")); order {
	case "", "ASC", "CREATE_TIME ASC":
	case "DESC", "CREATE_TIME DESC":
		slices.Reverse(all)
	default:
		return nil, invalid("Invalid order %q.", order)
	}
	from, to, next, apiErr := pageOf(r.Request, len(all), 25, 1000)
	if apiErr != nil {
		return nil, apiErr
	}
	answer := &chat.ListMessagesResponse{NextPageToken: next}
	for _, m := range all[from:to] {
		answer.Messages = append(answer.Messages, a.render(m))
	}
	return answer, nil
}

// render is the Chat API's view of a message; a deleted one is a tombstone.
func (a *chatAPI) render(m *message) *chat.Message {
	out := &chat.Message{
		Name:                    m.name,
		CreateTime:              stamp(m.createTime),
		ClientAssignedMessageId: m.clientID,
		Thread:                  &chat.Thread{Name: m.thread, ThreadKey: m.threadKey},
		Space:                   &chat.Space{Name: events.SpaceOf(m.name)},
		Sender:                  a.user(m.sender),
		ThreadReply:             m.reply,
	}
	if m.viewer != "" {
		out.PrivateMessageViewer = &chat.User{Name: m.viewer, Type: typeHuman}
	}
	if !m.deleteTime.IsZero() {
		out.DeleteTime = stamp(m.deleteTime)
		out.DeletionMetadata = &chat.DeletionMetadata{DeletionType: m.deletion}
		return out
	}
	out.Text, out.FormattedText, out.ArgumentText, out.CardsV2 = m.text, m.text, m.text, m.cards
	if !m.updateTime.IsZero() {
		out.LastUpdateTime = stamp(m.updateTime)
	}
	return out
}

// user is a user as app authentication sees it: with the display name.
func (a *chatAPI) user(name string) *chat.User {
	u := a.w.state.users[name]
	return &chat.User{Name: u.name, Type: u.userType, DisplayName: u.displayName}
}
