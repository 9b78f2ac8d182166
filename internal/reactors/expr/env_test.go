package expr_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	all := []string{"trigger", "event", "now", "space", "member", "message", "reaction", "command", "card", "subscription"}
	for _, trigger := range reactors.Triggers() {
		known := expr.Variables(trigger)
		if len(known) < 4 {
			t.Errorf("%s fills only %v", trigger, known)
		}
		env := newEnv(t).For([]reactors.Trigger{trigger})
		for _, v := range all {
			_, err := env.Condition(v + " == " + v)
			if got, want := err == nil, slices.Contains(known, v); got != want {
				t.Errorf("%s: %s compiles: %v (%v), want %v", trigger, v, got, err, want)
			}
		}
	}
	if got := expr.Variables("member.exploded"); got != nil {
		t.Errorf("an unknown trigger fills %v", got)
	}
}

// A rule for several triggers can use what all of them fill.
func TestForSeveral(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	both := env.For([]reactors.Trigger{reactors.ReactionAdded, reactors.MemberJoined})
	if _, err := both.Condition(`member.name != ""`); err != nil {
		t.Error(err)
	}
	if _, err := both.Condition(`reaction.emoji != ""`); err == nil {
		t.Error("reaction is known for member.joined")
	}
	if _, err := env.Condition(`reaction.emoji != ""`); err != nil {
		t.Errorf("For has changed its receiver: %v", err)
	}
}

// Every tagged field can be read and needs what its tag says.
func TestFields(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	var visit func(st reflect.Type, path string) reactors.Needs
	visit = func(st reflect.Type, path string) (all reactors.Needs) {
		for i := range st.NumField() {
			f := st.Field(i)
			name, ok := f.Tag.Lookup("cel")
			if !ok {
				continue
			}
			name = path + name
			want, _ := reactors.NeedNamed(f.Tag.Get("needs"))
			untold, _ := reactors.NeedNamed(f.Tag.Get("untold"))
			want |= untold
			if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == st.PkgPath() {
				want |= visit(f.Type, name+".")
			}
			all |= want
			c, err := env.Condition(name + " == " + name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := c.Needs(); got != want {
				t.Errorf("%s needs %b, want %b", name, got, want)
			}
			if ok, err := c.Eval(t.Context(), anna(), noon); !ok || err != nil {
				t.Errorf("%s isn't equal to itself: %v", name, err)
			}
		}
		return all
	}
	all := visit(reflect.TypeFor[reactors.Facts](), "")
	all |= condition(t, `space.messages_last("1h") == 0`).Needs()
	if diff := cmp.Diff(reactors.NeedAll, all); diff != "" {
		t.Errorf("kinds of state (-want +got):\n%s", diff)
	}
}
