package simulate

import "fmt"

// CreateSpace makes a named space with the app and the given users in it. As
// at Google there is no event for a new space, only for the memberships, which
// nobody can have subscribed to but for the whole customer.
func (w *Workspace) CreateSpace(displayName string, users ...string) (name string, err error) {
	err = w.change(func() error {
		if err := w.state.known(users...); err != nil {
			return fmt.Errorf("create space %q: %w", displayName, err)
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
	return w.onSpace("rename space", name, func(s *space) error {
		s.displayName = displayName
		w.emit(w.state.tick(), spaceChange(s, "updated"))
		return nil
	})
}

// DeleteSpace deletes the space with all in it. Its subscriptions are
// suspended after they have delivered the event.
func (w *Workspace) DeleteSpace(name string) error {
	return w.onSpace("delete space", name, func(s *space) error {
		s.deleted = true
		w.emit(w.state.tick(), spaceChange(s, "deleted"))
		w.suspendSpace(name, "RESOURCE_DELETED", func(*subscription) bool { return true })
		return nil
	})
}

// onSpace changes a space, or says that there is none.
func (w *Workspace) onSpace(doing, name string, do func(*space) error) error {
	return w.change(func() error {
		s, err := w.state.liveSpace(name)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return do(s)
	})
}
