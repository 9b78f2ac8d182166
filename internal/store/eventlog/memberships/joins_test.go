package memberships

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// What a change means follows from the member's state before and after it.
func TestTransition(t *testing.T) {
	t.Parallel()
	const in, invited, out = string(events.MembershipJoined), string(events.MembershipInvited), string(events.MembershipNotAMember)
	tests := map[string]struct {
		verb                               events.Verb
		before, after, roleBefore, roleNow string
		want                               reactors.Change
	}{
		"created, nothing known":        {verb: events.VerbCreated, after: in, want: reactors.Change{Joined: true}},
		"updated, nothing known":        {verb: events.VerbUpdated, after: in},
		"invited":                       {verb: events.VerbCreated, after: invited},
		"accepts an invitation":         {verb: events.VerbUpdated, before: invited, after: in, want: reactors.Change{Joined: true}},
		"comes back":                    {verb: events.VerbCreated, before: out, after: in, want: reactors.Change{Joined: true}},
		"created, was in it":            {verb: events.VerbCreated, before: in, after: in},
		"leaves":                        {verb: events.VerbDeleted, before: in, after: out, want: reactors.Change{Left: true}},
		"deleted, nothing known":        {verb: events.VerbDeleted, after: out, want: reactors.Change{Left: true}},
		"updated to out, nothing known": {verb: events.VerbUpdated, after: out},
		"declines an invitation":        {verb: events.VerbDeleted, before: invited, after: out},
		"a name only":                   {verb: events.VerbUpdated, before: in},
		"another role":                  {verb: events.VerbUpdated, before: in, after: in, roleBefore: "ROLE_MEMBER", roleNow: "ROLE_MANAGER", want: reactors.Change{RoleChanged: true, PreviousRole: "ROLE_MEMBER"}},
		"the same role":                 {verb: events.VerbUpdated, before: in, after: in, roleBefore: "ROLE_MEMBER", roleNow: "ROLE_MEMBER"},
		"a role, where none was known":  {verb: events.VerbUpdated, before: in, after: in, roleNow: "ROLE_MANAGER"},
		"joins with another role":       {verb: events.VerbUpdated, before: invited, after: in, roleBefore: "ROLE_MEMBER", roleNow: "ROLE_MANAGER", want: reactors.Change{Joined: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got reactors.Change
			transition(&got, &changeRow{verb: tt.verb, state: tt.after, role: tt.roleNow}, neighbour{prevState: tt.before, prevRole: tt.roleBefore})
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
