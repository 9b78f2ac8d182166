package simulate

import (
	"fmt"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// AddUser makes a person, or a bot other than the app, who is in no space yet.
func (w *Workspace) AddUser(bot bool) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bot {
		return w.state.addUser(typeBot).name
	}
	return w.state.addUser(typeHuman).name
}

// AddExternalUser makes a person of another organization, whom an app can't add
// to a space.
func (w *Workspace) AddExternalUser() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.state.addUser(typeHuman)
	u.external = true
	return u.name
}

// Person is what the Workspace knows of somebody.
type Person struct {
	DisplayName   string
	Bot, External bool
}

// Person returns what is known of a user whom there is.
func (w *Workspace) Person(name string) Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.state.users[name]
	return Person{u.displayName, u.userType == typeBot, u.external}
}

// Settle gives a user a role in a space, as a member or not so far, of which nobody gets an event:
// it was so when the Workspace began.
func (w *Workspace) Settle(spaceName, user, role string) error {
	return w.onSpace("settle "+user, spaceName, func(s *space) error {
		if err := w.state.known(user); err != nil {
			return fmt.Errorf("settle in %s: %w", spaceName, err)
		}
		m := w.state.membership(user, stateJoined, s.createTime)
		m.role = role
		s.put(m)
		return nil
	})
}

// SetAutoAccept says whether people whom the app adds to a space are in it at
// once, as they are at first, or have to accept.
func (w *Workspace) SetAutoAccept(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.invites = !on
}

// AddMembers makes the users join. Several at once give one batch event, as
// Google coalesces them.
func (w *Workspace) AddMembers(spaceName string, users ...string) error {
	return w.onSpace("add members", spaceName, func(s *space) error {
		seen := map[string]bool{}
		for _, u := range users {
			switch {
			case w.state.users[u] == nil:
				return fmt.Errorf("add members to %s: there is no user %q", spaceName, u)
			case s.members[u] != nil || seen[u]:
				return fmt.Errorf("add members to %s: %s is there already", spaceName, u)
			}
			seen[u] = true
		}
		w.addMembers(s, users)
		return nil
	})
}

func (w *Workspace) addMembers(s *space, users []string) {
	w.beginCoalesce()
	for _, u := range users {
		at := w.state.tick()
		m := w.state.membership(u, stateJoined, at)
		s.put(m)
		w.emitJoin(s, m, "created", at)
	}
	w.endCoalesce()
}

// Invite makes the user an invited member, who isn't in the space until
// [Workspace.Accept].
func (w *Workspace) Invite(spaceName, user string) error {
	return w.onSpace("invite "+user, spaceName, func(s *space) error {
		if err := w.state.known(user); err != nil {
			return fmt.Errorf("invite to %s: %w", spaceName, err)
		}
		if s.members[user] != nil {
			return fmt.Errorf("invite to %s: %s is a member or invited already", spaceName, user)
		}
		at := w.state.tick()
		m := w.state.membership(user, stateInvited, at)
		s.put(m)
		w.emit(at, w.memberChange(s, m, "created"))
		return nil
	})
}

// Accept takes an invited member into the space. Which event Google sends for
// it isn't documented; membership.updated is assumed.
func (w *Workspace) Accept(spaceName, user string) error {
	return w.onMember("accept the invitation", spaceName, user, func(s *space, m *membership) error {
		if m.state != stateInvited {
			return fmt.Errorf("accept the invitation to %s: %s isn't invited", spaceName, user)
		}
		m.state = stateJoined
		s.put(m)
		w.emitJoin(s, m, "updated", w.state.tick())
		return nil
	})
}

// RemoveMember makes the user leave. The subscriptions that the app, or the
// user, has for the space are suspended.
func (w *Workspace) RemoveMember(spaceName, user string) error {
	return w.onMember("remove member", spaceName, user, func(s *space, m *membership) error {
		w.leave(s, m, w.state.tick())
		return nil
	})
}

// leave ends a membership.
func (w *Workspace) leave(s *space, m *membership, at time.Time) {
	s.drop(m.user)
	m.state = stateNone
	w.emit(at, w.memberChange(s, m, "deleted"))
	if m.user == w.state.app {
		w.suspendSpace(s.name, appLost, func(sub *subscription) bool { return sub.owner == owner{app: m.user} })
	}
	w.suspendSpace(s.name, userLost, func(sub *subscription) bool { return sub.owner.user == m.user })
}

// AddGroup makes a Google Group with the users in it a member of the space and
// returns its name. As at Google, no event tells of the people who are in a
// space through a group. Every other group's membership has a name of the form
// that was measured, with group-G; the others the form that is documented.
func (w *Workspace) AddGroup(spaceName string, users ...string) (name string, err error) {
	err = w.onSpace("add group", spaceName, func(s *space) error {
		if err := w.state.known(users...); err != nil {
			return fmt.Errorf("add group to %s: %w", spaceName, err)
		}
		id := w.state.shortID("group")
		g := &group{name: "groups/" + id, people: users}
		if w.state.made["group"]%2 == 1 {
			id = "group-" + id
		}
		membership := s.name + "/members/" + id
		s.groups[membership] = g
		w.emit(w.state.tick(), groupChange(s, membership, g, events.VerbCreated))
		name = g.name
		return nil
	})
	return name, err
}

// RemoveGroup makes the Google Group leave the space.
func (w *Workspace) RemoveGroup(spaceName, name string) error {
	return w.onSpace("remove group", spaceName, func(s *space) error {
		for membership, g := range s.groups {
			if g.name == name {
				delete(s.groups, membership)
				w.emit(w.state.tick(), groupChange(s, membership, g, events.VerbDeleted))
				return nil
			}
		}
		return fmt.Errorf("remove group: %q isn't in %s", name, spaceName)
	})
}

// SetRole gives the member another role, such as "ROLE_MANAGER".
func (w *Workspace) SetRole(spaceName, user, role string) error {
	return w.onMember("set role", spaceName, user, func(s *space, m *membership) error {
		m.role = role
		w.emit(w.state.tick(), w.memberChange(s, m, "updated"))
		return nil
	})
}

// onMember changes a membership, or says that there is none.
func (w *Workspace) onMember(doing, spaceName, user string, do func(*space, *membership) error) error {
	return w.onSpace(doing, spaceName, func(s *space) error {
		m := s.members[user]
		if m == nil {
			return fmt.Errorf("%s: %q isn't a member of %s", doing, user, spaceName)
		}
		return do(s, m)
	})
}

func (w *Workspace) emitJoin(s *space, m *membership, verb events.Verb, at time.Time) {
	c := w.memberChange(s, m, verb)
	c.join = &Join{Space: s.name, User: m.user, Bot: w.state.users[m.user].userType == typeBot, Time: at}
	w.emit(at, c)
}
