package send_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

func TestCheckOfEdits(t *testing.T) {
	t.Parallel()
	fields := func(mistakes []reactors.ParamError) (list []string) {
		for _, p := range mistakes {
			list = append(list, p.Field)
		}
		return list
	}
	update, remove := send.NewUpdate(nil), send.NewDelete(nil)
	for name, c := range map[string]struct{ got, want []string }{
		"update":               {fields(update.Check(&send.UpdateParams{Of: "hello", Text: chatText("x"), Space: "spaces/A"})), nil},
		"update of nothing":    {fields(update.Check(&send.UpdateParams{Text: chatText("x")})), []string{"of"}},
		"update to nothing":    {fields(update.Check(&send.UpdateParams{Of: "hello"})), []string{""}},
		"delete":               {fields(remove.Check(&send.DeleteParams{Of: "hello"})), nil},
		"delete of nothing":    {fields(remove.Check(&send.DeleteParams{})), []string{"of"}},
		"delete in no space":   {fields(remove.Check(&send.DeleteParams{Of: "hello", Space: "the space"})), []string{"space"}},
		"update in no space":   {fields(update.Check(&send.UpdateParams{Of: "hello", Text: chatText("x"), Space: "s"})), []string{"space"}},
		"update, several ways": {fields(update.Check(&send.UpdateParams{Space: "s"})), []string{"of", "space", ""}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: mistakes (-want +got):\n%s", name, diff)
		}
	}
	nowhere := reactors.PrepareContext{Label: "0.1"}
	_, updateErr := update.Prepare(&send.UpdateParams{Of: "hello", Text: chatText("x")}, nowhere)
	_, deleteErr := remove.Prepare(&send.DeleteParams{Of: "hello"}, nowhere)
	for _, err := range []error{updateErr, deleteErr} {
		if !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "no space") {
			t.Errorf("without a space: got %v", err)
		}
	}
}

// An edit finds its message however it was sent, and takes one write for it.
func TestEditsFindTheMessage(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) (s *chattest.Env, space string){
		"space": func(t *testing.T) (*chattest.Env, string) {
			return sent(t, send.Params{Text: chatText("before")}), ""
		},
		"private": func(t *testing.T) (*chattest.Env, string) {
			return sent(t, send.Params{To: "private", Fallback: "space", Text: chatText("before")}), ""
		},
		"fallback": func(t *testing.T) (*chattest.Env, string) {
			s := chattest.New(t)
			s.Faults(create, refused)
			a := send.New(s.Client)
			act(t, a, prepare(t, a, &send.Params{To: "private", Fallback: "space", Text: chatText("before")}, s.Run("hello")))
			return s, ""
		},
		"another space": func(t *testing.T) (*chattest.Env, string) {
			s := chattest.New(t)
			other, err := s.CreateSpace("Owners", s.Member)
			if err != nil {
				t.Fatal(err)
			}
			a := send.New(s.Client)
			act(t, a, prepare(t, a, &send.Params{To: other, Text: chatText("before")}, s.Run("hello")))
			return s, other
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, space := open(t)
			update, remove := send.NewUpdate(s.Client), send.NewDelete(s.Client)
			request, write := prepareWrite(t, update,
				&send.UpdateParams{Of: "hello", Space: space, Text: chatText("after"), Card: chatCard("x")}, s.Run("0.1"))
			result := act(t, update, request)
			l := s.Truth().AppMessages
			if len(l) != 1 || l[0].Text != "after" || !l[0].Cards || l[0].Updated != 1 || result.Message != l[0].Name || write.Space != l[0].Space {
				t.Fatalf("got %+v and %+v, want one changed message", result, l)
			}
			request, write = prepareWrite(t, remove, &send.DeleteParams{Of: "hello", Space: space}, s.Run("0.2"))
			act(t, remove, request)
			if got := s.Truth().AppMessages[0]; !got.Deleted || write.Space != got.Space {
				t.Errorf("got %+v, want it deleted", got)
			}

			// Both again, now that it is gone: without a write.
			s.Faults("spaces.messages.patch", unavailable)
			s.Faults("spaces.messages.delete", unavailable)
			if result := act(t, remove, request); result.Note == "" {
				t.Errorf("got %+v, want a note that there was nothing to delete", result)
			}
			request = prepare(t, update, &send.UpdateParams{Of: "hello", Space: space, Text: chatText("again")}, s.Run("0.1"))
			if _, err := update.Act(t.Context(), request); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "deleted, or never sent") {
				t.Errorf("got %v, want that it is gone", err)
			}
		})
	}
}

func TestEditsOfWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	update, remove := send.NewUpdate(s.Client), send.NewDelete(s.Client)
	request := prepare(t, update, &send.UpdateParams{Of: "hello", Text: chatText("x")}, s.Run("0.1"))
	if _, err := update.Act(t.Context(), request); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), s.Space) {
		t.Errorf("update: got %v, want a permanent error", err)
	}
	act(t, remove, prepare(t, remove, &send.DeleteParams{Of: "hello"}, s.Run("0.1")))
}

// Where the app may write but not read, the message is taken to be where it was
// meant to go.
func TestEditsWithoutALook(t *testing.T) {
	t.Parallel()
	s := sent(t, send.Params{Text: chatText("before")})
	update, remove := send.NewUpdate(s.Client), send.NewDelete(s.Client)
	s.Faults("spaces.messages.get", unavailable, refused, unavailable, refused)
	change := prepare(t, update, &send.UpdateParams{Of: "hello", Text: chatText("after")}, s.Run("0.1"))
	if _, err := update.Act(t.Context(), change); err == nil || reactors.IsPermanent(err) {
		t.Errorf("update, 503: got %v, want an error that a retry mends", err)
	}
	act(t, update, change)
	gone := prepare(t, remove, &send.DeleteParams{Of: "hello"}, s.Run("0.2"))
	if _, err := remove.Act(t.Context(), gone); err == nil || reactors.IsPermanent(err) {
		t.Errorf("delete, 503: got %v, want an error that a retry mends", err)
	}
	s.Faults("spaces.messages.delete", dropped)
	act(t, remove, gone)
	if l := s.Truth().AppMessages[0]; l.Text != "after" || !l.Deleted {
		t.Errorf("got %+v", l)
	}
}
