package actions_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestList(t *testing.T) {
	t.Parallel()
	list, err := actions.List(config.Default(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range list {
		names = append(names, a.Name())
	}
	want := []string{"send", "update", "delete", "react", "dm", "add_member", "remove_member", "webhook", "record", "exec"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if err := actions.Close(t.Context(), list); err != nil {
		t.Error(err)
	}
}

func TestListNamesTheSetting(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.Reactors.WebhookAllow = []string{"10.0.0.0/8", "ten"}
	if _, err := actions.List(cfg, nil, nil); err == nil || !strings.HasPrefix(err.Error(), "reactors.webhook_allow: ") {
		t.Errorf("got %v, want an error that begins with the setting's name", err)
	}
}

// stuck can't be closed.
type stuck struct{ reactors.Action }

var errStuck = errors.New("stuck")

func (stuck) Name() string                { return "stuck" }
func (stuck) Close(context.Context) error { return errStuck }

// quick notes that it was closed.
type quick struct {
	reactors.Action
	closed *bool
}

func (q quick) Close() { *q.closed = true }

// One that can't be closed doesn't keep the others open.
func TestCloseAll(t *testing.T) {
	t.Parallel()
	var closed bool
	err := actions.Close(t.Context(), []reactors.Action{stuck{}, quick{closed: &closed}})
	if !errors.Is(err, errStuck) || !strings.Contains(err.Error(), `close the action "stuck"`) {
		t.Errorf("got %v, want that stuck is", err)
	}
	if !closed {
		t.Error("the one after it stayed open")
	}
}
