package simulate

import "fmt"

// WriteToApp lets the user write to the app directly and returns the name of
// the direct message, which is made by the first message. Like those of a new
// space, its memberships cause no event that anybody could have subscribed to;
// here they cause none at all.
func (w *Workspace) WriteToApp(user, text string) (name string, err error) {
	if err := checkText(text); err != nil {
		return "", fmt.Errorf("write to the app: %w", err)
	}
	err = w.change(func() error {
		if u := w.state.users[user]; u == nil || u.userType == typeBot {
			return fmt.Errorf("write to the app: there is no person %q", user)
		}
		s := w.state.directMessage(user)
		if s == nil {
			s = w.state.addSpace("direct")
			s.directFor, s.displayName, s.description = user, "", ""
			s.put(w.state.membership(w.state.app, stateJoined, s.createTime))
			s.put(w.state.membership(user, stateJoined, s.createTime))
		}
		name = s.name
		m := w.state.newMessage(s, user, text, "", w.state.tick())
		w.emit(m.createTime, w.messageChange(s, m, "created"))
		return nil
	})
	return name, err
}

// directMessage finds the user's direct message with the app, nil if there is
// none.
func (st *state) directMessage(user string) *space {
	for _, name := range st.spaceOrder {
		if s := st.spaces[name]; s.directFor == user && !s.deleted {
			return s
		}
	}
	return nil
}

func (s *space) spaceType() string {
	if s.directFor != "" {
		return "DIRECT_MESSAGE"
	}
	return "SPACE"
}
