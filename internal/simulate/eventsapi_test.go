package simulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/workspaceevents/v1"
)

func subscriptionIn(t testing.TB, op *workspaceevents.Operation) *workspaceevents.Subscription {
	t.Helper()
	if !op.Done || op.Error != nil {
		t.Fatalf("the operation isn't done: %+v", op)
	}
	var typed struct {
		Type string `json:"@type"`
		workspaceevents.Subscription
	}
	check(t, json.Unmarshal(op.Response, &typed))
	if typed.Type != "type.googleapis.com/google.apps.events.subscriptions.v1.Subscription" {
		t.Fatalf("got a response of type %q", typed.Type)
	}
	return &typed.Subscription
}

func (v *world) get(name string) (*workspaceevents.Subscription, error) {
	return v.events.Subscriptions.Get(name).Do()
}

func TestCreateSubscription(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	in := v.wanted()
	preview := subscriptionIn(t, must(v.events.Subscriptions.Create(in).ValidateOnly(true).Do()))
	if _, err := v.get(preview.Name); err == nil {
		t.Error("validateOnly created a subscription")
	}
	made := v.subscribe(t)
	got, err := v.get(made.Name)
	check(t, err)
	want := &workspaceevents.Subscription{
		Name: preview.Name, Uid: made.Uid, Etag: made.Etag, State: "ACTIVE",
		TargetResource:       in.TargetResource,
		EventTypes:           got.EventTypes,
		NotificationEndpoint: in.NotificationEndpoint,
		PayloadOptions:       in.PayloadOptions,
		CreateTime:           stamp(start), UpdateTime: stamp(start), ExpireTime: stamp(start.Add(4 * time.Hour)),
	}
	got.ServerResponse = googleapi.ServerResponse{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subscription (-want +got):\n%s", diff)
	}
	if len(got.EventTypes) != 10 {
		t.Errorf("got %d types, want 10", len(got.EventTypes))
	}
	if byUID, err := v.get("subscriptions/" + made.Uid); err != nil || byUID.Name != made.Name {
		t.Errorf("get by uid: %v", err)
	}
}

func TestCreateSubscriptionRefuses(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	without, err := v.CreateSpace("Without the app")
	check(t, err)
	check(t, v.RemoveMember(without, v.App()))
	tests := map[string]struct {
		change func(*workspaceevents.Subscription)
		code   int
	}{
		"no types":   {func(s *workspaceevents.Subscription) { s.EventTypes = nil }, 400},
		"batch type": {func(s *workspaceevents.Subscription) { s.EventTypes = []string{chatType + "message.v1.batchCreated"} }, 400},
		"lifecycle type": {func(s *workspaceevents.Subscription) {
			s.EventTypes = []string{"google.workspace.events.subscription.v1.expired"}
		}, 400},
		"type of a user": {func(s *workspaceevents.Subscription) { s.EventTypes = []string{chatType + "spaceReadState.v1.updated"} }, 400},
		"no target":      {func(s *workspaceevents.Subscription) { s.TargetResource = "" }, 400},
		"odd target":     {func(s *workspaceevents.Subscription) { s.TargetResource = v.space }, 400},
		"all spaces":     {func(s *workspaceevents.Subscription) { s.TargetResource = spaceTarget("spaces/-") }, 403},
		"unknown space":  {func(s *workspaceevents.Subscription) { s.TargetResource = spaceTarget("spaces/none") }, 404},
		"not a member":   {func(s *workspaceevents.Subscription) { s.TargetResource = spaceTarget(without) }, 403},
		"no endpoint":    {func(s *workspaceevents.Subscription) { s.NotificationEndpoint = nil }, 400},
		"odd topic":      {func(s *workspaceevents.Subscription) { s.NotificationEndpoint.PubsubTopic = "chat" }, 400},
		"another project": {func(s *workspaceevents.Subscription) {
			s.NotificationEndpoint.PubsubTopic = "projects/other/topics/chat"
		}, 400},
		"unknown topic":   {func(s *workspaceevents.Subscription) { s.NotificationEndpoint.PubsubTopic = topic + "x" }, 404},
		"ttl over 4 h":    {func(s *workspaceevents.Subscription) { s.Ttl = "14401s" }, 400},
		"ttl nonsense":    {func(s *workspaceevents.Subscription) { s.Ttl = "4h" }, 400},
		"ttl negative":    {func(s *workspaceevents.Subscription) { s.Ttl = "-1s" }, 400},
		"ttl and expiry":  {func(s *workspaceevents.Subscription) { s.Ttl, s.ExpireTime = "1s", stamp(start.Add(time.Hour)) }, 400},
		"expiry past":     {func(s *workspaceevents.Subscription) { s.ExpireTime = stamp(start) }, 400},
		"expiry far":      {func(s *workspaceevents.Subscription) { s.ExpireTime = stamp(start.Add(5 * time.Hour)) }, 400},
		"expiry nonsense": {func(s *workspaceevents.Subscription) { s.ExpireTime = "tomorrow" }, 400},
		"mask without data": {func(s *workspaceevents.Subscription) {
			s.PayloadOptions = &workspaceevents.PayloadOptions{FieldMask: "message.text"}
		}, 400},
		"ttl over 7 d names": {func(s *workspaceevents.Subscription) { s.PayloadOptions, s.Ttl = nil, "604801s" }, 400},
	}
	for name, tt := range tests {
		in := v.wanted()
		tt.change(in)
		_, err := v.events.Subscriptions.Create(in).Do()
		t.Run(name, func(t *testing.T) { wantError(t, err, tt.code, statusName(tt.code)) })
	}
	v.subscribe(t, func(s *workspaceevents.Subscription) { s.PayloadOptions, s.Ttl = nil, "604800s" })
}

func TestOneSubscriptionPerTarget(t *testing.T) {
	t.Parallel()
	for _, bare := range []bool{false, true} {
		t.Run(fmt.Sprintf("bare=%t", bare), func(t *testing.T) {
			t.Parallel()
			v := newWorld(t, Options{BareConflicts: bare})
			made := v.subscribe(t)
			_, err := v.events.Subscriptions.Create(v.wanted()).Do()
			wantError(t, err, http.StatusConflict, "ALREADY_EXISTS")
			var g *googleapi.Error
			errors.As(err, &g)
			if tells := strings.Contains(g.Body, `"current_subscription":"`+made.Name+`"`); tells == bare {
				t.Errorf("got body %s", g.Body)
			}
		})
	}
}

func TestPendingOperation(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{OperationDelay: time.Minute})
	op, err := v.events.Subscriptions.Create(v.wanted()).Do()
	check(t, err)
	if op.Done {
		t.Fatal("the operation is done at once")
	}
	_, err = v.events.Subscriptions.Create(v.wanted()).Do()
	wantError(t, err, http.StatusConflict, "ALREADY_EXISTS")
	must(v.Post(v.space, v.people[0], "too early"))
	v.clock.Advance(time.Minute)
	op, err = v.events.Operations.Get(op.Name).Do()
	check(t, err)
	s := subscriptionIn(t, op)
	must(v.Post(v.space, v.people[0], "in time"))
	if n := len(v.pubsub.take()); n != 1 {
		t.Errorf("got %d events, want the one after the operation", n)
	}

	second, err := v.events.Subscriptions.Delete(s.Name).Do()
	check(t, err)
	_, err = v.events.Operations.Get(op.Name).Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND") // only the latest is kept
	v.clock.Advance(time.Minute)
	second, err = v.events.Operations.Get(second.Name).Do()
	check(t, err)
	if !second.Done || !strings.Contains(string(second.Response), "google.protobuf.Empty") {
		t.Errorf("got %+v, want a done deletion", second)
	}
}

func TestListSubscriptions(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{Spaces: 3})
	msg, mem := chatType+"message.v1.created", chatType+"membership.v1.created"
	var names []string
	for i, s := range v.Spaces() {
		made := v.subscribe(t, func(in *workspaceevents.Subscription) {
			in.TargetResource = spaceTarget(s.Name)
			in.EventTypes = []string{msg}
			if i == 0 {
				in.EventTypes = []string{mem}
			}
		})
		names = append(names, made.Name)
	}
	target := spaceTarget(v.Spaces()[1].Name)
	for filter, want := range map[string]int{
		`event_types:"` + msg + `"`:                                                                       2,
		`event_types:"` + msg + `" OR event_types:"` + mem + `"`:                                          3,
		`(event_types:"` + msg + `" OR event_types:"` + mem + `")`:                                        3,
		`event_types:"` + msg + `" AND target_resource="` + target + `"`:                                  1,
		`event_types:"` + mem + `" AND target_resource="` + target + `"`:                                  0,
		`( event_types:"` + mem + `" OR event_types:"` + msg + `" ) AND target_resource="` + target + `"`: 1,
	} {
		got := 0
		check(t, v.events.Subscriptions.List().Filter(filter).PageSize(1).Pages(t.Context(), func(page *workspaceevents.ListSubscriptionsResponse) error {
			got += len(page.Subscriptions)
			return nil
		}))
		if got != want {
			t.Errorf("filter %s: got %d, want %d", filter, got, want)
		}
	}
	for _, filter := range []string{
		``,
		`target_resource="` + target + `"`,
		`target_resource="` + target + `" AND event_types:"` + msg + `"`,
		`event_types="` + msg + `"`,
		`event_types:"nonsense"`,
		`(event_types:"` + msg + `"`,
		`event_types:"` + msg + `" OR event_types:"` + mem + `" AND target_resource="` + target + `"`,
		`event_types:"` + msg + `" AND event_types:"` + mem + `"`,
	} {
		_, err := v.events.Subscriptions.List().Filter(filter).Do()
		wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
	}
	check(t, v.Suspend(names[1], "OTHER"))
	list, err := v.events.Subscriptions.List().Filter(`event_types:"` + msg + `"`).Do()
	check(t, err)
	if len(list.Subscriptions) != 2 {
		t.Errorf("got %d subscriptions, want the suspended one as well", len(list.Subscriptions))
	}
}

func TestPageSizeIsCapped(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{Spaces: 101})
	for i, s := range v.Spaces() {
		if i == 100 {
			v.clock.Advance(time.Minute) // for the quota
		}
		v.subscribe(t, func(in *workspaceevents.Subscription) { in.TargetResource = spaceTarget(s.Name) })
	}
	for asked, want := range map[int64]int{0: 50, 1000: 100} {
		list, err := v.events.Subscriptions.List().Filter(`event_types:"` + chatEventTypes[0] + `"`).PageSize(asked).Do()
		check(t, err)
		if len(list.Subscriptions) != want || list.NextPageToken == "" {
			t.Errorf("page size %d: got %d, want %d and a next page", asked, len(list.Subscriptions), want)
		}
	}
}

func TestPatchSubscription(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	made := v.subscribe(t, func(s *workspaceevents.Subscription) { s.Ttl = "60s" })
	patch := func(in *workspaceevents.Subscription, mask string) (*workspaceevents.Operation, error) {
		return v.events.Subscriptions.Patch(made.Name, in).UpdateMask(mask).Do()
	}
	v.clock.Advance(30 * time.Second)
	renewed := subscriptionIn(t, must(patch(&workspaceevents.Subscription{Ttl: "0s"}, "ttl")))
	if want := stamp(start.Add(30*time.Second + 4*time.Hour)); renewed.ExpireTime != want {
		t.Errorf("got expiry %s, want %s", renewed.ExpireTime, want)
	}
	if renewed.Etag == made.Etag {
		t.Error("the etag didn't change")
	}
	one := []string{chatType + "space.v1.updated"}
	typed := subscriptionIn(t, must(patch(&workspaceevents.Subscription{EventTypes: one}, "eventTypes")))
	if diff := cmp.Diff(one, typed.EventTypes); diff != "" || typed.ExpireTime != renewed.ExpireTime {
		t.Errorf("types (-want +got):\n%s expiry %s", diff, typed.ExpireTime)
	}
	at := stamp(start.Add(time.Hour))
	timed := subscriptionIn(t, must(patch(&workspaceevents.Subscription{ExpireTime: at}, "")))
	if timed.ExpireTime != at {
		t.Errorf("got expiry %s, want %s", timed.ExpireTime, at)
	}
	preview := subscriptionIn(t, must(v.events.Subscriptions.Patch(made.Name, &workspaceevents.Subscription{Ttl: "0s"}).UpdateMask("ttl").ValidateOnly(true).Do()))
	if got := must(v.get(made.Name)); got.ExpireTime != at || preview.ExpireTime == at {
		t.Errorf("validateOnly: got expiry %s and a preview of %s", got.ExpireTime, preview.ExpireTime)
	}

	for name, tt := range map[string]struct {
		in     *workspaceevents.Subscription
		mask   string
		code   int
		status string
	}{
		"topic":        {&workspaceevents.Subscription{NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: topic + "2"}}, "notification_endpoint", 400, "INVALID_ARGUMENT"},
		"payload":      {&workspaceevents.Subscription{}, "payload_options", 400, "INVALID_ARGUMENT"},
		"target":       {&workspaceevents.Subscription{TargetResource: spaceTarget("spaces/x")}, "", 400, "INVALID_ARGUMENT"},
		"nothing":      {&workspaceevents.Subscription{}, "", 400, "INVALID_ARGUMENT"},
		"no types":     {&workspaceevents.Subscription{}, "event_types", 400, "INVALID_ARGUMENT"},
		"put no types": {&workspaceevents.Subscription{Ttl: "0s"}, "*", 400, "INVALID_ARGUMENT"},
		"batch type":   {&workspaceevents.Subscription{EventTypes: []string{chatType + "message.v1.batchCreated"}}, "event_types", 400, "INVALID_ARGUMENT"},
		"too long":     {&workspaceevents.Subscription{Ttl: "86400s"}, "ttl", 400, "INVALID_ARGUMENT"},
		"stale etag":   {&workspaceevents.Subscription{Ttl: "0s", Etag: made.Etag}, "ttl", 409, "ABORTED"},
	} {
		_, err := patch(tt.in, tt.mask)
		t.Run(name, func(t *testing.T) { wantError(t, err, tt.code, tt.status) })
	}
	_, err := v.events.Subscriptions.Patch("subscriptions/none", &workspaceevents.Subscription{Ttl: "0s"}).Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
}

func TestDeleteSubscription(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	made := v.subscribe(t)
	_, err := v.events.Subscriptions.Delete(made.Name).Etag("stale").Do()
	wantError(t, err, http.StatusConflict, "ABORTED")
	_, err = v.events.Subscriptions.Delete(made.Name).ValidateOnly(true).Do()
	check(t, err)
	_, err = v.events.Subscriptions.Delete(made.Name).Etag(made.Etag).Do()
	check(t, err)
	_, err = v.events.Subscriptions.Delete(made.Name).Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
	_, err = v.events.Subscriptions.Delete(made.Name).AllowMissing(true).Do()
	check(t, err)
	must(v.Post(v.space, v.people[0], "unheard"))
	if n := len(v.pubsub.take()); n != 0 {
		t.Errorf("got %d events of a deleted subscription", n)
	}
	again := v.subscribe(t)
	if again.Name != made.Name || again.Uid == made.Uid {
		t.Errorf("got name %s and uid %s, want the old name and a new uid", again.Name, again.Uid)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	made := v.subscribe(t)
	v.clock.Advance(4*time.Hour - time.Millisecond)
	must(v.Post(v.space, v.people[0], "heard"))
	v.clock.Advance(time.Millisecond)
	must(v.Post(v.space, v.people[0], "unheard"))
	if n := len(v.pubsub.take()); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
	_, err := v.get(made.Name)
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
	_, err = v.events.Subscriptions.Patch(made.Name, &workspaceevents.Subscription{Ttl: "0s"}).Do()
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")
	v.subscribe(t)
}

func TestSuspension(t *testing.T) {
	t.Parallel()
	reactivate := func(v *world, name string) (*workspaceevents.Operation, error) {
		return v.events.Subscriptions.Reactivate(name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
	}
	for _, tt := range []struct {
		name   string
		harm   func(*world, string) error
		reason string
		mend   func(*world) error // nil: it can't be mended
		events int                // until the suspension
	}{
		{
			name:   "by hand",
			harm:   func(v *world, sub string) error { return v.Suspend(sub, "ENDPOINT_PERMISSION_DENIED") },
			reason: "ENDPOINT_PERMISSION_DENIED",
			mend:   func(v *world) error { return v.Mend(subscriptionName(spaceTarget(v.space), v.owner())) },
		},
		{
			name:   "user lost",
			harm:   func(v *world, sub string) error { return v.Suspend(sub, "USER_AUTHORIZATION_FAILURE") },
			reason: "USER_AUTHORIZATION_FAILURE",
		},
		{
			name:   "app removed",
			harm:   func(v *world, _ string) error { return v.RemoveMember(v.space, v.App()) },
			reason: "APP_AUTHORIZATION_FAILURE",
			mend:   func(v *world) error { return v.AddMembers(v.space, v.App()) },
			events: 1,
		},
		{
			name:   "space deleted",
			harm:   func(v *world, _ string) error { return v.DeleteSpace(v.space) },
			reason: "RESOURCE_DELETED",
			events: 1,
		},
		{
			name: "topic gone",
			harm: func(v *world, _ string) error {
				v.pubsub.gone = true
				_, err := v.Post(v.space, v.people[0], "nowhere to go")
				return err
			},
			reason: "ENDPOINT_NOT_FOUND",
			mend:   func(v *world) error { v.pubsub.gone = false; return nil },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newWorld(t, Options{})
			made := v.subscribe(t)
			_, err := reactivate(v, made.Name)
			wantError(t, err, http.StatusBadRequest, "FAILED_PRECONDITION")
			check(t, tt.harm(v, made.Name))
			got, err := v.get(made.Name)
			check(t, err)
			if got.State != "SUSPENDED" || got.SuspensionReason != tt.reason {
				t.Fatalf("got %s %s, want SUSPENDED %s", got.State, got.SuspensionReason, tt.reason)
			}
			if n := len(v.pubsub.take()); n != tt.events || len(v.Truth().Events) != tt.events {
				t.Errorf("got %d events, want %d", n, tt.events)
			}
			v.clock.Advance(time.Hour)
			_, err = reactivate(v, made.Name)
			wantError(t, err, http.StatusBadRequest, "FAILED_PRECONDITION")
			if !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %v, want it to tell %s", err, tt.reason)
			}
			if tt.mend == nil {
				if err := v.Mend(made.Name); tt.reason == userLost && err == nil {
					t.Error("a lost user was mended")
				}
				return
			}
			check(t, tt.mend(v))
			v.pubsub.take()
			must(v.Post(v.space, v.people[0], "lost")) // nothing is kept for later
			active := subscriptionIn(t, must(reactivate(v, made.Name)))
			if active.State != "ACTIVE" || active.SuspensionReason != "" || active.ExpireTime != made.ExpireTime {
				t.Errorf("got %+v, want it active with the old expiry", active)
			}
			must(v.Post(v.space, v.people[0], "heard"))
			if n := len(v.pubsub.take()); n != 1 {
				t.Errorf("got %d events, want only the one after", n)
			}
		})
	}
}

func TestUnknownFieldsAndMethods(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	for _, tt := range []struct {
		url, body string
		code      int
	}{
		{v.WorkspaceEventsEndpoint() + "v1/subscriptions", `{"nonsense":1}`, 400},
		{v.WorkspaceEventsEndpoint() + "v1/subscriptions", `{`, 400},
		{v.ChatEndpoint() + "v1/" + v.space + "/messages", `{"txet":"hi"}`, 400},
		{v.WorkspaceEventsEndpoint() + "v1/subscriptions/x:explode", ``, 501},
		{v.WorkspaceEventsEndpoint() + "v2/subscriptions", ``, 501},
		{v.ChatEndpoint() + "v1/" + v.space + "/messages", strings.Repeat(" ", 1<<20+1), 400},
	} {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		reply, err := client.Post(tt.url, "application/json", strings.NewReader(tt.body))
		check(t, err)
		check(t, reply.Body.Close())
		if reply.StatusCode != tt.code {
			t.Errorf("POST %s %.20s: got %d, want %d", tt.url, tt.body, reply.StatusCode, tt.code)
		}
	}
}
