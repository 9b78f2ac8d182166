package simulate

import "fmt"

// CreateSpace makes a named space with the app and the given users in it. As
// at Google there is no event for a new space, only for the memberships, which
// nobody can have subscribed to but for the whole customer.
func (w *Workspace) CreateSpace(displayName string, users ...string) (string, error) {
	var name string
	err := w.change(func() error {
		for _, u := range users {
			if w.state.users[u] == nil {
				return fmt.Errorf("create space %q: there is no user %q", displayName, u)
			}
		}
		s := w.state.addSpace(displayName)
		w.addMembers(s, append([]string{w.state.app}, users...))
		name = s.name
		return nil
	})
	return name, err
}

// RenameSpace gives the space another display name.
func (w *Workspace) RenameSpace(name, displayName string) error {
	return w.change(func() error {
		s, err := w.state.liveSpace(name)
		if err != nil {
			return fmt.Errorf("rename space: %w", err)
		}
		s.displayName = displayName
		w.emit(w.state.tick(), spaceChange(s, "updated"))
		return nil
	})
}

// DeleteSpace deletes the space with all in it. Its subscriptions are
// suspended after they have delivered the event.
func (w *Workspace) DeleteSpace(name string) error {
	return w.change(func() error {
		s, err := w.state.liveSpace(name)
		if err != nil {
			return fmt.Errorf("delete space: %w", err)
		}
		s.deleted = true
		w.emit(w.state.tick(), spaceChange(s, "deleted"))
		w.suspendSpace(name, "RESOURCE_DELETED", func(*subscription) bool { return true })
		return nil
	})
}
