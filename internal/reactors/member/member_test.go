package member_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

// withOther is an environment with a second space that the member isn't in.
func withOther(t *testing.T) (s *chattest.Env, other string) {
	t.Helper()
	s = chattest.New(t)
	other, err := s.CreateSpace("Newcomers")
	if err != nil {
		t.Fatal(err)
	}
	return s, other
}

func prepare(t *testing.T, a reactors.Action, params any, c reactors.PrepareContext) json.RawMessage {
	t.Helper()
	request, err := a.Prepare(params, c)
	if err != nil {
		t.Fatal(err)
	}
	return request.Body
}

func act(t *testing.T, a reactors.Action, request json.RawMessage) reactors.Result {
	t.Helper()
	result, err := a.Act(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestAddConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s, other := withOther(t)
		return reactorstest.Env{
			Action: member.NewAdd(s.Client), Params: &member.AddParams{Space: other}, Context: s.Run("0.0"),
			Fail: s.Fail, Canary: chattest.Canary, Effects: func() int { return len(s.Truth().Memberships) }, Writes: s.WrittenSpaces,
		}
	}})
}

func TestRemoveConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s := chattest.New(t)
		run := s.Run("0.0")
		run.Run.Due = run.Run.EventTime.Add(time.Hour) // they have been in since long
		return reactorstest.Env{
			Action: member.NewRemove(s.Client), Params: &member.RemoveParams{}, Context: run,
			Fail: s.Fail, Canary: chattest.Canary, Effects: func() int { return len(s.Truth().Memberships) }, Writes: s.WrittenSpaces,
		}
	}})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	fields := func(mistakes []reactors.ParamError) (list []string) {
		for _, p := range mistakes {
			list = append(list, p.Field)
		}
		return list
	}
	add, remove := member.NewAdd(nil), member.NewRemove(nil)
	for name, c := range map[string]struct{ got, want []string }{
		"add the member":   {fields(add.Check(&member.AddParams{Space: "spaces/A"})), nil},
		"add somebody":     {fields(add.Check(&member.AddParams{Space: "spaces/A", User: "users/1"})), nil},
		"add to nothing":   {fields(add.Check(&member.AddParams{})), []string{"space"}},
		"add to a name":    {fields(add.Check(&member.AddParams{Space: "Team News", User: "Anna"})), []string{"space", "user"}},
		"remove from here": {fields(remove.Check(&member.RemoveParams{})), nil},
		"remove elsewhere": {fields(remove.Check(&member.RemoveParams{Space: "spaces/A"})), nil},
		"remove from name": {fields(remove.Check(&member.RemoveParams{Space: "Team News"})), []string{"space"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: mistakes (-want +got):\n%s", name, diff)
		}
	}
	_, nobody := add.Prepare(&member.AddParams{Space: "spaces/A"}, reactors.PrepareContext{Label: "0.0"})
	_, nowhere := remove.Prepare(&member.RemoveParams{}, reactors.PrepareContext{Label: "0.0", Run: reactors.Run{Member: "users/1"}})
	if !reactors.IsPermanent(nobody) || !strings.Contains(nobody.Error(), "nobody") {
		t.Errorf("nobody: got %v", nobody)
	}
	if !reactors.IsPermanent(nowhere) || !strings.Contains(nowhere.Error(), "no space") {
		t.Errorf("nowhere: got %v", nowhere)
	}
}

func TestAddsTheMemberOrSomebodyElse(t *testing.T) {
	t.Parallel()
	s, other := withOther(t)
	a := member.NewAdd(s.Client)
	somebody := s.AddUser(false)
	if got := act(t, a, prepare(t, a, &member.AddParams{Space: other}, s.Run("0.0"))); got.Note != "" {
		t.Errorf("got note %q", got.Note)
	}
	s.SetAutoAccept(false)
	request := prepare(t, a, &member.AddParams{Space: other, User: somebody}, s.Run("0.1"))
	for range 2 {
		if got := act(t, a, request); !strings.Contains(got.Note, "accept first") {
			t.Errorf("got note %q, want that they are invited", got.Note)
		}
	}
	var got []string
	for _, m := range s.Truth().Memberships {
		got = append(got, m.Space+" "+m.User+" "+m.State)
	}
	if diff := cmp.Diff([]string{other + " " + s.Member + " JOINED", other + " " + somebody + " INVITED"}, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestRemovesTheMember(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := member.NewRemove(s.Client)
	request := prepare(t, a, &member.RemoveParams{}, s.Run("0.0"))
	s.Faults("spaces.members.delete", simulate.ChatFault{Status: 429}, simulate.ChatFault{DropReply: true})
	if _, err := a.Act(t.Context(), request); !reactors.IsThrottled(err) || reactors.IsPermanent(err) {
		t.Errorf("429: got %v, want an error that a retry mends", err)
	}
	act(t, a, request)
	if l := s.Truth().Memberships; len(l) != 1 || l[0].User != s.Member || l[0].Space != s.Space || l[0].State != "NOT_A_MEMBER" {
		t.Errorf("got %+v, want that the member was removed", l)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, other := withOther(t)
	add, remove := member.NewAdd(s.Client), member.NewRemove(s.Client)
	if err := s.SetRole(s.Space, s.Member, "ROLE_MANAGER"); err != nil {
		t.Fatal(err)
	}
	if _, err := remove.Act(t.Context(), prepare(t, remove, &member.RemoveParams{}, s.Run("0.0"))); !reactors.IsPermanent(err) {
		t.Errorf("a manager: got %v, want a permanent error", err)
	}
	s.SetCondition(simulate.ApprovalMissing, true)
	_, err := add.Act(t.Context(), prepare(t, add, &member.AddParams{Space: other}, s.Run("0.0")))
	if !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "chat.app.memberships") {
		t.Errorf("without approval: got %v, want what has to be approved", err)
	}
}
