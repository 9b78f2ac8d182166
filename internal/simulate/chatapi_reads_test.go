package simulate

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Who is listed depends on who asks: apps see neither apps, nor groups, nor
// who is in through one.
func TestMembersByCaller(t *testing.T) {
	t.Parallel()
	for auth, want := range map[Auth]string{AuthApp: "people", AuthUser: "app bot groups invited people"} {
		v := newWorld(t, Options{Auth: auth})
		bot, invited, throughGroup := v.AddUser(true), v.outsider(), v.outsider()
		check(t, v.AddMembers(v.space, bot))
		check(t, v.Invite(v.space, invited))
		group := must(v.AddGroup(v.space, throughGroup))
		call := v.chat.Spaces.Members.List(v.space)
		if auth == AuthUser {
			call.ShowGroups(true).ShowInvited(true)
		}
		list, err := call.Do()
		check(t, err)
		seen := map[string]bool{}
		for _, m := range list.Memberships {
			switch {
			case m.GroupMember != nil && m.GroupMember.Name == group && m.Name == v.space+"/members/group-"+strings.TrimPrefix(group, "groups/"):
				seen["groups"] = true
			case m.Member.Name == v.App():
				seen["app"] = true
			case m.Member.Name == bot:
				seen["bot"] = true
			case m.State == "INVITED" && m.Member.Name == invited:
				seen["invited"] = true
			case slices.Contains(v.people, m.Member.Name) && m.State == "JOINED":
				seen["people"] = true
			default:
				t.Errorf("%s: %+v is listed", auth, m)
			}
		}
		for _, who := range []string{"app", "bot", "groups", "invited", "people"} {
			if listed := strings.Contains(want, who); seen[who] != listed {
				t.Errorf("%s: %s listed: %t, want %t", auth, who, seen[who], listed)
			}
		}
		if auth == AuthApp {
			_, err = v.chat.Spaces.Members.List(v.space).ShowGroups(true).Do()
			wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
		}
	}
}

// Somebody who is in through a group takes part, and no event tells that they
// are there.
func TestGroupPeopleCauseNoEvents(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	person := v.outsider()
	must(v.AddGroup(v.space, person))
	if got := v.pubsub.take(); len(got) != 1 {
		t.Errorf("got %d events for a group, want one of its own", len(got))
	}
	must(v.Post(v.space, person, "hello"))
	if got := v.pubsub.take(); len(got) != 1 {
		t.Errorf("got %d events for a message, want 1", len(got))
	}
	_, err := v.chat.Spaces.Members.Get(v.space + "/members/" + strings.TrimPrefix(person, "users/")).Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
}

func TestRepliesDeletedAlongAreForbidden(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	first := must(v.Post(v.space, v.people[0], "first"))
	reply := must(v.Reply(first, v.people[1], "reply"))
	check(t, v.DeleteWithReplies(first))
	tombstone, err := v.chat.Spaces.Messages.Get(first).Do()
	check(t, err)
	if tombstone.DeleteTime == "" {
		t.Errorf("got %+v, want a tombstone", tombstone)
	}
	_, err = v.chat.Spaces.Messages.Get(reply).Do()
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	list, err := v.chat.Spaces.Messages.List(v.space).ShowDeleted(true).Do()
	check(t, err)
	if len(list.Messages) != 1 {
		t.Errorf("got %d messages, want the tombstone alone", len(list.Messages))
	}
}

func TestGetSpaceEvent(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	v.subscribe(t)
	name := must(v.Post(v.space, v.people[0], "hello"))
	must(v.React(name, v.people[1], "👍"))
	id := v.pubsub.take()[1].Attributes["ce-id"]
	got, err := v.chat.Spaces.SpaceEvents.Get(id).Do()
	check(t, err)
	if got.Name != id || got.ReactionCreatedEventData == nil || got.ReactionCreatedEventData.Reaction.Emoji.Unicode != "👍" {
		t.Errorf("got %+v", got)
	}
	_, err = v.chat.Spaces.SpaceEvents.Get(v.space + "/spaceEvents/none").Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
	v.SetCondition(AppNotConfigured, true)
	_, err = v.chat.Spaces.SpaceEvents.Get(id).Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
}
