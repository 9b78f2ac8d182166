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

func (w *Workspace) post(space, user, text string) (name string, err error) {
	err = w.change(func() error {
		name, err = w.write("post", space, user, text, "")
		return err
	})
	return name, err
}

// Reply answers in the thread of a message and returns the reply's name.
func (w *Workspace) Reply(messageName, user, text string) (name string, err error) {
	if err := checkText(text); err != nil {
		return "", fmt.Errorf("reply to %s: %w", messageName, err)
	}
	err = w.onMessage("reply", messageName, func(s *space, to *message) error {
		name, err = w.write("reply", s.name, user, text, to.thread)
		return err
	})
	return name, err
}

// write adds a person's message to the thread, or to a new one for "".
func (w *Workspace) write(doing, space, user, text, thread string) (string, error) {
	s, err := w.writable(space, user)
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	m := w.state.newMessage(s, user, text, thread, w.state.tick())
	w.emit(m.createTime, w.messageChange(s, m, "created"))
	return m.name, nil
}

// Edit replaces a message's text.
func (w *Workspace) Edit(messageName, text string) error {
	if err := checkText(text); err != nil {
		return fmt.Errorf("edit %s: %w", messageName, err)
	}
	return w.onMessage("edit", messageName, func(s *space, m *message) error {
		m.text = text
		m.updateTime = w.state.tick()
		w.emit(m.updateTime, w.messageChange(s, m, "updated"))
		return nil
	})
}

// Delete deletes a message, as its sender does.
func (w *Workspace) Delete(messageName string) error {
	return w.onMessage("delete", messageName, func(s *space, m *message) error {
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
func (w *Workspace) DeleteWithReplies(messageName string) error {
	return w.onMessage("delete with replies", messageName, func(s *space, first *message) error {
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
func (w *Workspace) React(messageName, user, emoji string) (name string, err error) {
	err = w.onMessage("react", messageName, func(s *space, m *message) error {
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
	on, _, _ := strings.Cut(name, "/reactions/")
	return w.onMessage("take reaction away", on, func(s *space, m *message) error {
		r := m.reactions[name]
		if r == nil {
			return fmt.Errorf("take reaction away: there is no %q", name)
		}
		delete(m.reactions, name)
		w.emit(w.state.tick(), w.reactionChange(s, r, "deleted"))
		return nil
	})
}

// onMessage changes a message, or says that there is none.
func (w *Workspace) onMessage(doing, name string, do func(*space, *message) error) error {
	return w.change(func() error {
		s, m, err := w.state.liveMessage(name)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return do(s, m)
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

// newMessage adds a message to the thread, or to a new one for "" or in a space
// without threads. The app's
// ids are counted apart from the people's, so that the time at which the
// worker writes doesn't change what people's messages are called.
func (st *state) newMessage(s *space, sender, text, thread string, at time.Time) *message {
	kind := "message"
	if sender == st.app {
		kind = "app message"
	}
	if s.flat {
		thread = ""
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
