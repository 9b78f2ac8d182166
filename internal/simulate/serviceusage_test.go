package simulate

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/chat/v1"
	"google.golang.org/api/option"
	"google.golang.org/api/serviceusage/v1"
)

func TestServiceUsage(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	usage, err := serviceusage.NewService(t.Context(),
		option.WithEndpoint(v.ServiceUsageEndpoint()), option.WithHTTPClient(&http.Client{Transport: v.InProcess()}))
	check(t, err)
	ask := func(project string, services ...string) (string, error) {
		var names []string
		for _, s := range services {
			names = append(names, "projects/"+project+"/services/"+s)
		}
		answer, err := usage.Services.BatchGet("projects/" + project).Names(names...).Do()
		if err != nil {
			return "", err
		}
		var states []string
		for _, s := range answer.Services {
			states = append(states, s.Name[strings.LastIndex(s.Name, "/")+1:]+" "+s.State)
		}
		return strings.Join(states, ", "), nil
	}
	v.SetCondition(ChatAPIDisabled, true)
	got, err := ask(v.Project(), pubsubService, chatService, eventsService, "drive.googleapis.com")
	check(t, err)
	if diff := cmp.Diff("pubsub.googleapis.com ENABLED, chat.googleapis.com DISABLED, "+
		"workspaceevents.googleapis.com ENABLED, drive.googleapis.com DISABLED", got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	_, err = ask(v.Project())
	wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
	_, err = ask("another-project", pubsubService)
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	v.SetCondition(ServicesHidden, true)
	_, err = ask(v.Project(), pubsubService)
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	v.SetCondition(UsageAPIDisabled, true)
	_, err = ask(v.Project(), pubsubService)
	if wantError(t, err, http.StatusForbidden, ""); !strings.Contains(err.Error(), "is disabled") {
		t.Errorf("got %v", err)
	}
}

// TestChatConditions: what is wrong with the project shows in the Chat API,
// too.
func TestChatConditions(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	read := func() error { return skip(v.chat.Spaces.List().Do()) }
	write := func() error {
		return skip(v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "hello"}).Do())
	}
	check(t, read())
	for _, tt := range []struct {
		condition  Condition
		code       int
		text       string
		refuseRead bool
	}{
		{Unauthenticated, http.StatusUnauthorized, "invalid authentication credentials", true},
		{ChatAPIDisabled, http.StatusForbidden, "chat.googleapis.com has not been used", true},
		{AppNotConfigured, http.StatusNotFound, "Google Chat app not found", false},
	} {
		v.SetCondition(tt.condition, true)
		err := write()
		if wantError(t, err, tt.code, ""); !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v", tt.condition, err)
		}
		if err := read(); (err != nil) != tt.refuseRead {
			t.Errorf("%s: reading gives %v", tt.condition, err)
		}
		v.SetCondition(tt.condition, false)
	}
	v.clock.Advance(time.Second) // refused writes count, too
	v.SetCondition(EventsAPIDisabled, true)
	check(t, errors.Join(read(), write()))
}
