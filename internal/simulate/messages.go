package simulate

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxMessageBytes is Chat's limit for a message with all its contents.
const maxMessageBytes = 32_000

// Post writes a message that starts a thread and returns its name.
func (w *Workspace) Post(space, user, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", fmt.Errorf("post in %s: %w", space, err)
	}
	return w.post(space, user, text)
}

// PostOversized posts what Chat would refuse: a message whose event has about
// the given number of bytes. Pub/Sub takes up to 10 MB.
func (w *Workspace) PostOversized(space, user string, bytes int) (string, error) {
	return w.post(space, user, strings.Repeat("x", bytes/3)) // the text stands in the payload three times
}

func (w *Workspace) post(space, user, text string) (string, error) {
	var name string
	err := w.change(func() error {
		s, err := w.writable(space, user)
		if err != nil {
			return fmt.Errorf("post: %w", err)
		}
		m := w.state.newMessage(s, user, text, "", w.state.tick())
		name = m.name
		w.emit(m.createTime, w.messageChange(s, m, "created"))
		return nil
	})
	return name, err
}

// Reply answers in the thread of a message and returns the reply's name.
func (w *Workspace) Reply(message, user, text string) (string, error) {
	if err := checkText(text); err != nil {
		return "", fmt.Errorf("reply to %s: %w", message, err)
	}
	var name string
	err := w.change(func() error {
		_, to, err := w.state.liveMessage(message)
		if err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		s, err := w.writable(spaceOf(message), user)
		if err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		m := w.state.newMessage(s, user, text, to.thread, w.state.tick())
		name = m.name
		w.emit(m.createTime, w.messageChange(s, m, "created"))
		return nil
	})
	return name, err
}

// Edit replaces a message's text.
func (w *Workspace) Edit(message, text string) error {
	if err := checkText(text); err != nil {
		return fmt.Errorf("edit %s: %w", message, err)
	}
	return w.change(func() error {
		s, m, err := w.state.liveMessage(message)
		if err != nil {
			return fmt.Errorf("edit: %w", err)
		}
		m.text = text
		m.updateTime = w.state.tick()
		w.emit(m.updateTime, w.messageChange(s, m, "updated"))
		return nil
	})
}

// Delete deletes a message, as its sender does.
func (w *Workspace) Delete(message string) error {
	return w.change(func() error {
		s, m, err := w.state.liveMessage(message)
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		m.deleteTime = w.state.tick()
		m.deletion = "CREATOR"
		m.text = ""
		w.emit(m.deleteTime, w.messageChange(s, m, "deleted"))
		return nil
	})
}

// DeleteWithReplies deletes the first message of a thread, and the replies
// with it. The API refuses to show those afterwards, where a message that was
// deleted by itself leaves a tombstone. Whether they cause events isn't known;
// here they don't.
func (w *Workspace) DeleteWithReplies(message string) error {
	return w.change(func() error {
		s, first, err := w.state.liveMessage(message)
		if err != nil {
			return fmt.Errorf("delete with replies: %w", err)
		}
		at := w.state.tick()
		for _, m := range s.order {
			if m.thread == first.thread && m.deleteTime.IsZero() {
				m.deleteTime, m.deletion, m.text = at, "CREATOR", ""
				m.swept = m != first
			}
		}
		w.emit(at, w.messageChange(s, first, "deleted"))
		return nil
	})
}

// React puts an emoji on a message and returns the reaction's name. An emoji
// of the form ":name:" is a custom one.
func (w *Workspace) React(message, user, emoji string) (string, error) {
	var name string
	err := w.change(func() error {
		s, m, err := w.state.liveMessage(message)
		if err != nil {
			return fmt.Errorf("react: %w", err)
		}
		if _, err := w.writable(s.name, user); err != nil {
			return fmt.Errorf("react: %w", err)
		}
		r, fresh := w.react(s, m, user, emoji, w.state.tick())
		if !fresh {
			return fmt.Errorf("react: %s is there already", r.name)
		}
		name = r.name
		return nil
	})
	return name, err
}

// react puts an emoji on a message, unless it is there already.
func (w *Workspace) react(s *space, m *message, user, emoji string, at time.Time) (r *reaction, fresh bool) {
	r = &reaction{name: reactionName(m.name, user, emoji), user: user, emoji: emoji}
	if there := m.reactions[r.name]; there != nil {
		return there, false
	}
	if m.reactions == nil {
		m.reactions = map[string]*reaction{}
	}
	m.reactions[r.name] = r
	w.emit(at, w.reactionChange(s, r, "created"))
	return r, true
}

// Unreact takes a reaction away.
func (w *Workspace) Unreact(name string) error {
	return w.change(func() error {
		on, _, _ := strings.Cut(name, "/reactions/")
		s, m, err := w.state.liveMessage(on)
		if err != nil {
			return fmt.Errorf("take reaction away: %w", err)
		}
		r := m.reactions[name]
		if r == nil {
			return fmt.Errorf("take reaction away: there is no %q", name)
		}
		delete(m.reactions, name)
		w.emit(w.state.tick(), w.reactionChange(s, r, "deleted"))
		return nil
	})
}

func checkText(text string) error {
	switch {
	case text == "":
		return errors.New("the text is empty")
	case len(text) > maxMessageBytes:
		return fmt.Errorf("the text has %d bytes, over Chat's limit of %d", len(text), maxMessageBytes)
	}
	return nil
}

// writable finds a space that the user may write in.
func (w *Workspace) writable(spaceName, user string) (*space, error) {
	s, err := w.state.liveSpace(spaceName)
	if err != nil {
		return nil, err
	}
	if !s.isIn(user) {
		return nil, fmt.Errorf("%q isn't in %s", user, spaceName)
	}
	return s, nil
}

// newMessage adds a message to the thread, or to a new one for "". The app's
// ids are counted apart from the people's, so that the time at which the
// worker writes doesn't change what people's messages are called.
func (st *state) newMessage(s *space, sender, text, thread string, at time.Time) *message {
	kind := "message"
	if sender == st.app {
		kind = "app message"
	}
	m := &message{sender: sender, createTime: at, text: text, thread: thread, reply: thread != ""}
	id := st.shortID(kind)
	if thread == "" {
		m.thread = s.name + "/threads/" + id
		s.threads[m.thread] = true
	}
	_, threadID, _ := strings.Cut(m.thread, "/threads/")
	m.name = s.name + "/messages/" + threadID + "." + id
	s.messages[m.name] = m
	s.order = append(s.order, m)
	return m
}

// reactionName is made of who and what, so removing and adding the same emoji
// again gives the same name.
func reactionName(message, user, emoji string) string {
	kind := "UNICODE."
	if strings.HasPrefix(emoji, ":") {
		kind = "CUSTOM." // UNICODE is what captures show; this one is a guess
	}
	return message + "/reactions/" + strings.TrimPrefix(user, "users/") + "." +
		base64.RawURLEncoding.EncodeToString([]byte(kind+emoji))
}

// spaceOf cuts "spaces/S/…" down to "spaces/S".
func spaceOf(name string) string {
	rest, ok := strings.CutPrefix(name, "spaces/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return "spaces/" + id
}
