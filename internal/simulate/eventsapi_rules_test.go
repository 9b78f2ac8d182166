package simulate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/workspaceevents/v1"
)

func TestTargetsOfEachAuth(t *testing.T) {
	t.Parallel()
	const member = chatType + "membership.v1.created"
	for _, auth := range []Auth{AuthApp, AuthUser, AuthImpersonate} {
		t.Run(string(auth), func(t *testing.T) {
			t.Parallel()
			v := unserved(t, Options{Auth: auth})
			me, other := v.Authority(), v.people[0]
			if me == other {
				other = v.people[1]
			}
			apart, err := v.CreateSpace("Without the caller", other)
			check(t, err)
			check(t, v.RemoveMember(apart, v.App()))
			var app, user int // status wanted; 0 for none
			for _, tt := range []struct {
				target    string
				app, user int
			}{
				{spaceTarget(v.space), 0, 0},
				{spaceTarget(apart), 403, 403},
				{allSpaces, 403, 0},
				{userPrefix + strings.TrimPrefix(other, "users/"), 403, 403},
				{userPrefix + strings.TrimPrefix(me, "users/"), 403, 0},
				{userPrefix + "me", 400, 400},
				{customerPrefix + "my_customer", 0, 403},
				{customerPrefix + "C/x", 400, 400},
				{"//drive.googleapis.com/files/F", 400, 400},
			} {
				if app, user = tt.app, tt.user; strings.TrimPrefix(tt.target, userPrefix) == "" {
					app = 400 // the app has no user to put there
				}
				want := app
				if auth != AuthApp {
					want = user
				}
				in := v.wanted()
				in.TargetResource, in.EventTypes = tt.target, []string{member}
				op, err := v.events.Subscriptions.Create(in).Do()
				switch {
				case want != 0:
					wantError(t, err, want, "")
				case err != nil:
					t.Errorf("%s: %v", tt.target, err)
				default:
					if s := subscriptionIn(t, op); s.Authority != me || s.UserAuthority != me {
						t.Errorf("%s: got authority %q, want %q", tt.target, s.Authority, me)
					}
				}
			}
		})
	}
}

func TestTypesOfEachTarget(t *testing.T) {
	t.Parallel()
	all := slices.Concat(chatEventTypes, readEventTypes, []string{
		chatType + "availability.v1.updated", chatType + "message.v1.batchCreated", chatType + "space.v1.created",
		"google.workspace.events.subscription.v1.expired",
	})
	for _, tt := range []struct {
		auth   Auth
		target func(*world) string
		want   int // how many of them are valid
	}{
		{AuthApp, func(v *world) string { return spaceTarget(v.space) }, 10},
		{AuthUser, func(*world) string { return allSpaces }, 10},
		{AuthUser, func(v *world) string { return userPrefix + strings.TrimPrefix(v.Authority(), "users/") }, 6},
		{AuthApp, func(*world) string { return customerPrefix + "my_customer" }, 12},
	} {
		v := unserved(t, Options{Auth: tt.auth})
		in := v.wanted()
		in.TargetResource = tt.target(v)
		got := 0
		for _, eventType := range all {
			in.EventTypes = []string{eventType}
			_, err := v.events.Subscriptions.Create(in).ValidateOnly(true).Do()
			if err == nil {
				got++
				continue
			}
			wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
		}
		if got != tt.want {
			t.Errorf("%s: got %d valid types, want %d", in.TargetResource, got, tt.want)
		}
	}
}

func TestLongestLife(t *testing.T) {
	t.Parallel()
	week := 7 * 24 * time.Hour
	for _, tt := range []struct {
		opts        Options
		data, names time.Duration
	}{
		{Options{}, 4 * time.Hour, week},
		{Options{Auth: AuthUser}, 4 * time.Hour, week},
		{Options{Auth: AuthImpersonate}, 24 * time.Hour, week},
		{Options{TTL: TTL{Data: time.Minute, Names: time.Hour}}, time.Minute, time.Hour},
	} {
		v := unserved(t, tt.opts)
		for include, want := range map[bool]time.Duration{true: tt.data, false: tt.names} {
			in := v.wanted()
			in.PayloadOptions = &workspaceevents.PayloadOptions{IncludeResource: include}
			in.Ttl = fmt.Sprintf("%ds", int(want.Seconds())+1)
			_, err := v.events.Subscriptions.Create(in).ValidateOnly(true).Do()
			wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
			if err != nil && !strings.Contains(err.Error(), "exceeds the maximum allowed") {
				t.Errorf("got %v", err)
			}
			in.Ttl = ""
			got := subscriptionIn(t, must(v.events.Subscriptions.Create(in).ValidateOnly(true).Do()))
			if got.ExpireTime != stamp(start.Add(want)) {
				t.Errorf("%+v, data %t: got expiry %s, want after %s", tt.opts.TTL, include, got.ExpireTime, want)
			}
		}
	}
	v := unserved(t, Options{})
	made := v.subscribe(t)
	v.SetTTL(TTL{Data: 10 * time.Minute}) // what is granted may change with time
	renewed := subscriptionIn(t, must(v.events.Subscriptions.Patch(made.Name, &workspaceevents.Subscription{Ttl: "0s"}).UpdateMask("ttl").Do()))
	if want := stamp(start.Add(10 * time.Minute)); renewed.ExpireTime != want {
		t.Errorf("got expiry %s, want %s", renewed.ExpireTime, want)
	}
}

func TestDeliveryToWideTargets(t *testing.T) {
	t.Parallel()
	subscribe := func(v *world, target string, types []string) string {
		return v.subscribe(t, func(in *workspaceevents.Subscription) { in.TargetResource, in.EventTypes = target, types }).Name
	}
	delivered := func(v *world) (types []string) {
		for _, m := range v.pubsub.take() {
			types = append(types, strings.TrimPrefix(m.Attributes["ce-type"], chatType))
		}
		return types
	}
	t.Run("all spaces", func(t *testing.T) {
		t.Parallel()
		v := unserved(t, Options{Auth: AuthUser})
		subscribe(v, allSpaces, chatEventTypes)
		apart, err := v.CreateSpace("Without the user", v.outsider())
		check(t, err)
		must(v.Post(apart, v.Members(apart)[0], "unheard"))
		must(v.Post(v.Spaces()[1].Name, v.Authority(), "heard"))
		check(t, v.AddMembers(apart, v.Authority()))
		if got := delivered(v); !slices.Equal(got, []string{"message.v1.created", "membership.v1.created"}) {
			t.Errorf("got %v", got)
		}
		check(t, v.RemoveMember(apart, v.Authority())) // leaves the subscription alone
		must(v.Post(apart, v.Members(apart)[0], "unheard again"))
		if got := delivered(v); len(got) != 0 || len(v.pubsub.takeLifecycle()) != 0 {
			t.Errorf("got %v after leaving", got)
		}
	})
	t.Run("user", func(t *testing.T) {
		t.Parallel()
		v := unserved(t, Options{Auth: AuthUser})
		subscribe(v, userPrefix+strings.TrimPrefix(v.Authority(), "users/"), memberEventTypes)
		apart, err := v.CreateSpace("New", v.outsider(), v.Authority())
		check(t, err)
		got := v.pubsub.take()
		if len(got) != 1 || strings.Count(string(got[0].Data), `"membership":`) != 1 || got[0].Attributes["ce-type"] != chatType+"membership.v1.batchCreated" {
			t.Fatalf("got %v, want a batch of the user's own membership", got)
		}
		check(t, v.AddMembers(apart, v.outsider()))
		must(v.Post(apart, v.Authority(), "a message"))
		check(t, v.RemoveMember(apart, v.Authority()))
		if got := delivered(v); !slices.Equal(got, []string{"membership.v1.deleted"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("customer", func(t *testing.T) {
		t.Parallel()
		v := unserved(t, Options{})
		subscribe(v, customerPrefix+"my_customer", chatEventTypes)
		apart, err := v.CreateSpace("New", v.people[0])
		check(t, err)
		check(t, v.RemoveMember(apart, v.App()))
		must(v.Post(apart, v.people[0], "heard without the app"))
		if got := delivered(v); len(got) != 3 || len(v.pubsub.takeLifecycle()) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestUnmanagedSubscriptions(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	made := v.subscribe(t)
	unmanaged := Unmanaged{Target: spaceTarget(v.space), Topic: topic, EventTypes: chatEventTypes[:1], IncludeResource: true}
	if _, err := v.AddUnmanaged(unmanaged); err == nil {
		t.Error("a second subscription of the app for one target was made")
	}
	unmanaged.User = v.people[0]
	byUser, err := v.AddUnmanaged(unmanaged)
	check(t, err)
	unmanaged.User, unmanaged.App = "", "424242"
	byApp, err := v.AddUnmanaged(unmanaged)
	check(t, err)
	unmanaged.App, unmanaged.Target = "", spaceTarget(v.Spaces()[1].Name)
	byColleague, err := v.AddUnmanaged(unmanaged)
	check(t, err)

	list, err := v.events.Subscriptions.List().Filter(`event_types:"` + chatEventTypes[0] + `"`).Do()
	check(t, err)
	var names []string
	for _, s := range list.Subscriptions {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if want := slices.Sorted(slices.Values([]string{made.Name, byColleague})); !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for _, name := range []string{byUser, byApp} {
		_, err := v.get(name)
		wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
		_, err = v.events.Subscriptions.Delete(name).AllowMissing(true).Do()
		wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	}
	must(v.Post(v.space, v.people[0], "to three"))
	messages := v.pubsub.take()
	ids := map[string]bool{}
	for _, m := range messages {
		ids[m.Attributes["ce-id"]] = true
	}
	if len(messages) != 3 || len(ids) != 1 {
		t.Errorf("got %d messages with %d ids, want one event for each of three", len(messages), len(ids))
	}
	if n := v.MaxLive(spaceTarget(v.space)); n != 1 {
		t.Errorf("got %d live ones of the caller, want 1", n)
	}
	unmanaged.Target = "nonsense"
	if _, err := v.AddUnmanaged(unmanaged); err == nil {
		t.Error("an unmanaged subscription to nonsense was made")
	}
}

func TestStartRefusesOptions(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"unknown auth":       {Auth: "nobody", NoListen: true, Publisher: newRecorder()},
		"nobody there":       {Auth: AuthUser, Users: -1, NoListen: true, Publisher: newRecorder()},
		"nowhere to publish": {NoListen: true},
	} {
		if _, err := Start(t.Context(), opts); err == nil {
			t.Errorf("%s: it started", name)
		}
	}
}
