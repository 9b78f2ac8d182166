package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// interact publishes what Google tells a Chat app of a space, in either of
// the envelopes.
func (w *workspace) interact(t *testing.T, addOn bool, added bool, space string) {
	t.Helper()
	kind, payload := "REMOVED_FROM_SPACE", "removedFromSpacePayload"
	if added {
		kind, payload = "ADDED_TO_SPACE", "addedToSpacePayload"
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	data := fmt.Sprintf(`{"type":%q,"eventTime":%q,"space":{"name":%q,"spaceType":"SPACE"},"user":{"name":"users/1"}}`, kind, now, space)
	if addOn {
		data = fmt.Sprintf(`{"commonEventObject":{},"chat":{"eventTime":%q,"user":{"name":"users/1"},%q:{"space":{"name":%q,"spaceType":"SPACE"}}}}`, now, payload, space)
	}
	if _, err := w.Broker().Publish("projects/"+w.Project()+"/topics/"+topicID, &pubsubpb.PubsubMessage{Data: []byte(data)}); err != nil {
		t.Fatal(err)
	}
}

// A space is watched as soon as the app is added to it, and forgotten when it
// is removed, if the configuration asks for it.
func TestWorkerFollowsTheApp(t *testing.T) {
	t.Parallel()
	for _, addOn := range []bool{false, true} {
		t.Run(fmt.Sprintf("addon=%v", addOn), func(t *testing.T) {
			t.Parallel()
			dsn := migratedDatabase(t)
			w := newWorkspace(t, dsn)
			p := start(t, w.env.with("SPACEKEEPER_KEEPER_ON_ADDED", "true"), "run")
			healthAddr(t, p)
			// The first pass is over: what follows comes of the request.
			watched := func() int {
				return query[int](t, dsn, "SELECT count(*)::int FROM subscription_states WHERE managed AND state = 'ACTIVE'")
			}
			eventually(t, p, "the configured spaces are watched", func() bool { return watched() == 2 })
			space, err := w.CreateSpace("New", w.AddUser(false))
			if err != nil {
				t.Fatal(err)
			}
			w.interact(t, addOn, true, space)
			eventually(t, p, "the new space is watched", func() bool { return w.SubscriptionTo(space) != "" && watched() == 3 })
			eventually(t, p, "its members are known", func() bool {
				return query[int](t, dsn, "SELECT count(*)::int FROM memberships WHERE space = '"+space+"' AND state = 'JOINED'") > 0
			})
			if err := w.RemoveMember(space, w.App()); err != nil {
				t.Fatal(err)
			}
			w.interact(t, addOn, false, space)
			eventually(t, p, "it isn't any more", func() bool {
				return query[int](t, dsn, "SELECT count(*)::int FROM subscription_states WHERE managed AND scope = '"+space+"'") == 0
			})
			if code := p.stop(); code != cli.OK {
				t.Errorf("got exit code %d, want %d", code, cli.OK)
			}
		})
	}
}

// What happened while a subscription was suspended is recorded once the worker
// has reactivated it, and the metrics tell of it.
func TestWorkerKeeps(t *testing.T) {
	t.Parallel()
	dsn, worker := workersDatabase(t)
	w := newWorkspace(t, worker)
	space := w.Spaces()[0].Name
	if err := w.Suspend(w.SubscriptionTo(space), "ENDPOINT_PERMISSION_DENIED"); err != nil {
		t.Fatal(err)
	}
	w.post(t, "nobody is told of this")
	if err := w.Mend(w.SubscriptionTo(space)); err != nil {
		t.Fatal(err)
	}
	// The keeper of an earlier worker had seen it ACTIVE.
	query[int](t, dsn, `
		WITH state AS (
			INSERT INTO subscription_states (target, scope, state, observed_at, confirmed_at, create_time, update_time, managed, delivers, parked, include_resource, event_types)
			VALUES ('//chat.googleapis.com/`+space+`', '`+space+`', 'ACTIVE', now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour', true, true, false, true, '{}')
		)
		INSERT INTO coverage (scope, from_time, source) VALUES ('`+space+`', now() - interval '1 hour', 'live')
		RETURNING 1`)
	// Without an overlap, so that the gap is all that is fetched.
	p := start(t, w.env.with("SPACEKEEPER_BACKFILL_OVERLAP", "0s"), "run")
	page := "http://" + healthAddr(t, p) + "/metrics"
	eventually(t, p, "the message is fetched, and the gap is closed", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM events WHERE origin = 'b'") == 1 &&
			query[int](t, dsn, "SELECT count(*)::int FROM coverage_gaps") == 0
	})
	var body string
	eventually(t, p, "the pass is counted", func() bool {
		_, body = get(t, page)
		return strings.Contains(body, `spacekeeper_keeper_changes_total{action="reactivate"} 1`)
	})
	if !regexp.MustCompile(`(?m)^spacekeeper_keeper_last_pass_timestamp_seconds 1\.`).MatchString(body) {
		t.Errorf("the time of the pass isn't told:\n%s", body)
	}
	// It may be repaired by the time it is counted.
	if !regexp.MustCompile(`(?m)^spacekeeper_coverage_gaps\{state="pending"\} [01]$`).MatchString(body) {
		t.Errorf("the gap of the pass isn't told:\n%s", body)
	}
	eventually(t, p, "the worker says that it is there", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM worker_heartbeats") == 1
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	// The last target is taken out of the configuration.
	p = start(t, w.env.with("SPACEKEEPER_WORKSPACE_SPACES", ""), "run")
	eventually(t, p, "nothing says any more that something is watched", func() bool {
		return query[int](t, dsn, "SELECT ((SELECT count(*) FROM coverage WHERE to_time IS NULL) + (SELECT count(states) FROM keeper_passes))::int") == 0
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

// Without a topic the keeper couldn't create what it should keep.
func TestKeeperNeedsTheTopic(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, migratedDatabase(t))
	code, _, stderr := call(t, w.env.with("SPACEKEEPER_PUBSUB_TOPIC", ""), "run")
	if code != cli.Misconfigured || !strings.Contains(stderr, "pubsub.topic is missing") {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
}
