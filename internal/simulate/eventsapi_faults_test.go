package simulate

import (
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

func TestEventsQuotas(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	write := func() error { return skip(v.events.Subscriptions.Create(v.wanted()).ValidateOnly(true).Do()) }
	made := v.subscribe(t, func(in *workspaceevents.Subscription) { in.TargetResource = spaceTarget(v.Spaces()[1].Name) })
	read := func() error { return skip(v.get(made.Name)) }
	untilRefused := func(call func() error) (n int) {
		for ; n < 1000; n++ {
			if err := call(); err != nil {
				wantError(t, err, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
				var answer *googleapi.Error
				if errors.As(err, &answer); answer.Header.Get("Retry-After") != "" || strings.Contains(answer.Body, "RetryInfo") {
					t.Errorf("got more help than Google gives: %s", answer.Body)
				}
				break
			}
		}
		return n
	}
	if n := untilRefused(write); n != 99 { // and the one that was made
		t.Errorf("got %d writes in a minute, want 99", n)
	}
	if n := untilRefused(read); n != 100 {
		t.Errorf("got %d reads in a minute, want 100", n)
	}
	v.clock.Advance(time.Minute - 1)
	if err := read(); err == nil {
		t.Error("the window slid too early")
	}
	v.clock.Advance(1)
	if n := untilRefused(read); n != 100 {
		t.Errorf("got %d reads in the next minute, want 100", n)
	}

	v = unserved(t, Options{Quotas: Quotas{UserWrites: -1, Reads: 7}})
	if n := untilRefused(write); n != 600 {
		t.Errorf("got %d writes of the project, want 600", n)
	}
	made.Name = "subscriptions/none"
	reads := 0
	for range 10 {
		var answer *googleapi.Error
		if errors.As(read(), &answer); answer.Code == http.StatusNotFound {
			reads++
		}
	}
	if reads != 7 {
		t.Errorf("got %d reads, want the 7 that were asked for", reads)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		condition  Condition
		auth       Auth
		code       int
		text       string
		alsoRefuse bool // reads
	}{
		{Unauthenticated, AuthApp, 401, "UNAUTHENTICATED", true},
		{EventsAPIDisabled, AuthApp, 403, "SERVICE_DISABLED", true},
		{AppNotConfigured, AuthApp, 404, "Google Chat app not found", false},
		{ScopesMissing, AuthUser, 403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", false},
		{ApprovalMissing, AuthApp, 403, "dministrator must grant the app the required OAuth authorization scope", false},
		{ApprovalMissing, AuthUser, 0, "", false}, // is for apps only
		{ChatAPIDisabled, AuthApp, 0, "", false},  // is the other API's
	} {
		v := unserved(t, Options{Auth: tt.auth})
		made := v.subscribe(t)
		v.SetCondition(tt.condition, true)
		write := skip(v.events.Subscriptions.Patch(made.Name, &workspaceevents.Subscription{Ttl: "0s"}).UpdateMask("ttl").Do())
		_, read := v.get(made.Name)
		if tt.code == 0 {
			check(t, errors.Join(write, read))
			continue
		}
		wantError(t, write, tt.code, "")
		var answer *googleapi.Error
		if errors.As(write, &answer); !strings.Contains(answer.Body, tt.text) {
			t.Errorf("%s: got %s", tt.condition, answer.Body)
		}
		if (read != nil) != tt.alsoRefuse {
			t.Errorf("%s: reading gives %v", tt.condition, read)
		}
		v.SetCondition(tt.condition, false)
		check(t, skip(v.events.Subscriptions.Delete(made.Name).Do()))
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	const scope = "https://www.googleapis.com/auth/"
	message, reaction := chatType+"message.v1.created", chatType+"reaction.v1.created"
	member, spaceType := chatType+"membership.v1.deleted", chatType+"space.v1.updated"
	for _, tt := range []struct {
		auth   Auth
		target string
		scopes string // granted
		types  []string
		lacks  string // part of the refusal; "" if it is enough
	}{
		{AuthApp, "", "chat.app.messages.readonly", []string{message, reaction}, ""},
		{AuthApp, "", "chat.app.messages.readonly", []string{message, member}, "chat.app.memberships.readonly"},
		{AuthApp, "", "chat.app.spaces", []string{spaceType}, ""},
		{AuthApp, "", "chat.app.memberships.readonly chat.bot", []string{spaceType}, "chat.app.spaces.readonly"},
		{AuthApp, customerPrefix + "my_customer", "chat.app.memberships", []string{member}, "chat.app.all.memberships.readonly"},
		{AuthApp, customerPrefix + "my_customer", "chat.app.all.users.readstate.readonly", readEventTypes, ""},
		{AuthUser, "", "chat.messages.reactions.readonly", []string{reaction}, ""},
		{AuthUser, "", "chat.messages.reactions.readonly", []string{message}, "insufficient authentication scopes"},
		{AuthUser, "", "chat.memberships", []string{member}, ""},
	} {
		v := unserved(t, Options{Auth: tt.auth})
		in := v.wanted()
		in.EventTypes = tt.types
		if tt.target != "" {
			in.TargetResource = tt.target
		}
		var granted []string
		for s := range strings.FieldsSeq(tt.scopes) {
			granted = append(granted, scope+s)
		}
		v.SetScopes(granted...)
		_, err := v.events.Subscriptions.Create(in).Do()
		switch {
		case tt.lacks == "" && err != nil:
			t.Errorf("%s with %s: %v", tt.types, tt.scopes, err)
		case tt.lacks != "":
			wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
			if err != nil && !strings.Contains(err.Error(), tt.lacks) {
				t.Errorf("%s with %s: got %v, want %q", tt.types, tt.scopes, err, tt.lacks)
			}
			v.SetScopes()
			v.subscribe(t)
		}
	}
}

func TestEventsFaults(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	var calls []EventsCall
	fault := EventsFault{}
	v.SetEventsFaults(func(c EventsCall) EventsFault {
		calls = append(calls, c)
		return fault
	})
	create := func() (*workspaceevents.Operation, error) { return v.events.Subscriptions.Create(v.wanted()).Do() }
	name := subscriptionName(spaceTarget(v.space), v.owner())

	fault = EventsFault{Status: 403, Message: "Not today.", Reason: "SOME_REASON", RetryAfter: 90 * time.Second}
	_, err := create()
	wantError(t, err, 403, "PERMISSION_DENIED")
	var answer *googleapi.Error
	if errors.As(err, &answer); answer.Message != "Not today." || !strings.Contains(answer.Body, "SOME_REASON") || answer.Header.Get("Retry-After") != "90" {
		t.Errorf("got %+v", answer)
	}
	fault = EventsFault{Operation: &OperationError{Code: 13, Message: "It broke."}}
	op, err := create()
	check(t, err)
	if again := must(v.events.Operations.Get(op.Name).Do()); !op.Done || op.Error.Code != 13 || again.Error.Message != "It broke." {
		t.Errorf("got %+v", op)
	}
	fault = EventsFault{}
	_, err = v.get(name)
	wantError(t, err, 404, "NOT_FOUND") // neither had an effect

	fault = EventsFault{StatusAfter: 500}
	_, err = create()
	wantError(t, err, 500, "INTERNAL")
	fault = EventsFault{}
	made := must(v.get(name))
	fault = EventsFault{DropReply: true}
	if _, err := v.events.Subscriptions.Delete(name).ValidateOnly(true).Do(); err == nil {
		t.Error("the reply wasn't dropped")
	}
	fault = EventsFault{}
	check(t, skip(v.get(name)))
	fault = EventsFault{DropReply: true}
	if _, err := v.events.Subscriptions.Delete(name).Etag(made.Etag).Do(); err == nil {
		t.Error("the reply wasn't dropped")
	}
	v.SetEventsFaults(nil)
	_, err = v.get(name)
	wantError(t, err, 404, "NOT_FOUND") // both had theirs

	var got []string
	for _, c := range calls {
		got = append(got, strings.ReplaceAll(fmt.Sprintf("%d %s %s%s %t", c.N, c.Method, c.Name, c.Target, c.ValidateOnly), name, "NAME"))
	}
	want := []string{
		"1 subscriptions.create " + spaceTarget(v.space) + " false",
		"2 subscriptions.create " + spaceTarget(v.space) + " false",
		"3 operations.get " + op.Name + " false",
		"4 subscriptions.get NAME false",
		"5 subscriptions.create " + spaceTarget(v.space) + " false",
		"6 subscriptions.get NAME false",
		"7 subscriptions.delete NAME true",
		"8 subscriptions.get NAME false",
		"9 subscriptions.delete NAME false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	counts := map[string]int{"subscriptions.create": 3, "operations.get": 1, "subscriptions.get": 4, "subscriptions.delete": 2}
	if diff := cmp.Diff(counts, v.EventsAPICalls()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// A token goes on after the last name, whatever was deleted meanwhile, and
// only for the filter that it was made for.
func TestPageTokens(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{Spaces: 5})
	for _, s := range v.Spaces() {
		v.subscribe(t, func(in *workspaceevents.Subscription) { in.TargetResource = spaceTarget(s.Name) })
	}
	filter := `event_types:"` + chatEventTypes[0] + `"`
	first := must(v.events.Subscriptions.List().Filter(filter).PageSize(2).Do())
	for _, s := range first.Subscriptions {
		check(t, skip(v.events.Subscriptions.Delete(s.Name).Do()))
	}
	second := must(v.events.Subscriptions.List().Filter(filter).PageSize(3).PageToken(first.NextPageToken).Do())
	if len(second.Subscriptions) != 3 || second.NextPageToken != "" {
		t.Errorf("got %d and a next page %q, want the last 3", len(second.Subscriptions), second.NextPageToken)
	}
	for _, call := range []*workspaceevents.SubscriptionsListCall{
		v.events.Subscriptions.List().Filter(`event_types:"` + chatEventTypes[1] + `"`).PageToken(first.NextPageToken),
		v.events.Subscriptions.List().Filter(filter).PageToken("nonsense"),
		v.events.Subscriptions.List().Filter(filter).PageSize(-1),
	} {
		_, err := call.Do()
		wantError(t, err, http.StatusBadRequest, "INVALID_ARGUMENT")
	}
}
