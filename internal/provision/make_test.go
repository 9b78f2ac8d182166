package provision_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestMakeFromNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, done := w.make(t)
	agent := strings.TrimPrefix(broker.ServiceAgent("p"), "serviceAccount:")
	var got []string
	for _, c := range done {
		got = append(got, c.String())
	}
	want := []string{
		"topic chat-events-dead-letter: created",
		"subscription chat-events-dead-letter: created",
		"topic chat-events: created",
		"subscription chat-events-worker: created",
		"topic chat-events-dead-letter: granted roles/pubsub.publisher to " + agent,
		"subscription chat-events-worker: granted roles/pubsub.subscriber to " + agent,
		"subscription chat-events-worker: granted roles/pubsub.subscriber to spacekeeper@p.iam.gserviceaccount.com",
		"subscription chat-events-worker: granted roles/pubsub.viewer to spacekeeper@p.iam.gserviceaccount.com",
		"topic chat-events: granted roles/pubsub.publisher to chat-api-push@system.gserviceaccount.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if again, left, err := p.Make(t.Context()); err != nil || len(again)+len(left) > 0 {
		t.Errorf("again: done %v, left %v, %v", again, left, err)
	}
	s := w.get(t, worker)
	if s.ExpirationPolicy.GetTtl() != nil || s.MessageRetentionDuration.AsDuration() != 31*24*time.Hour || s.AckDeadlineSeconds != 60 ||
		s.RetryPolicy.MinimumBackoff.AsDuration() != 10*time.Second || s.RetryPolicy.MaximumBackoff.AsDuration() != 10*time.Minute ||
		s.DeadLetterPolicy.DeadLetterTopic != deadTopic || s.DeadLetterPolicy.MaxDeliveryAttempts != 100 || s.EnableMessageOrdering || s.Filter != "" {
		t.Errorf("got %v", s)
	}
	if s := w.get(t, deadSub); s.ExpirationPolicy.GetTtl() != nil || s.MessageRetentionDuration.AsDuration() != 31*24*time.Hour || s.Topic != deadTopic {
		t.Errorf("got %v", s)
	}
	if !w.As(simulate.ChatPublisher).MayPublish(topic) {
		t.Error("Chat may not publish")
	}
}

// The proof of the bindings: a message that nobody can handle is moved.
func TestDeadLettersArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t)
	w.update(t, &pubsubpb.Subscription{Name: worker, DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: deadTopic, MaxDeliveryAttempts: 5}}, "dead_letter_policy", "retry_policy")
	if _, err := w.Publish(topic, &pubsubpb.PubsubMessage{Data: []byte("bad")}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		got, err := w.client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: worker, MaxMessages: 1})
		check(t, err)
		check(t, w.client.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), &pubsubpb.ModifyAckDeadlineRequest{Subscription: worker, AckIds: []string{got.ReceivedMessages[0].AckId}}))
	}
	if s, err := w.Stats(deadSub); err != nil || s.Backlog != 1 {
		t.Errorf("dead letters: %+v, %v", s, err)
	}
}

// Whatever call is interrupted, before its effect or after it: run again, Make
// ends where it would have ended.
func TestMakeInterruptedAnywhereConverges(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal} {
		for _, after := range []bool{false, true} {
			calls := 1
			for n := 1; n <= calls; n++ {
				t.Run(fmt.Sprintf("%s/after=%v/%d", code, after, n), func(t *testing.T) {
					w := newWorld(t)
					var seen atomic.Int64
					w.OnCall(func(_ context.Context, c broker.Call) error {
						if c.Done == after && seen.Add(1) == int64(n) {
							return status.Error(code, "interrupted by order")
						}
						return nil
					})
					p := w.provisioner(t)
					_, left, err := p.Make(t.Context())
					if err != nil && code == codes.Unavailable {
						t.Fatalf("what is temporary must be tried again: %v", err)
					}
					if err != nil {
						_, left, err = p.Make(t.Context())
					}
					if err != nil || len(left) > 0 {
						t.Fatalf("run again: left %v, %v", left, err)
					}
					calls = int(seen.Load())
				})
			}
			if calls < 15 {
				t.Errorf("only %d calls were interrupted", calls)
			}
		}
	}
}

// A second one runs through while the first is about to make a call, or waits
// for its answer: for every call.
func TestMakeTwiceAtOnceConverges(t *testing.T) {
	t.Parallel()
	calls := 1
	for n := 1; n <= calls; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			first, second := w.provisioner(t), w.provisioner(t)
			var seen atomic.Int64
			w.OnCall(func(context.Context, broker.Call) error {
				if seen.Add(1) != int64(n) {
					return nil
				}
				_, left, err := second.Make(t.Context())
				if err == nil && len(left) > 0 {
					err = fmt.Errorf("left %v", left)
				}
				return err
			})
			_, left, err := first.Make(t.Context())
			if err != nil || len(left) > 0 {
				t.Fatalf("left %v, %v", left, err)
			}
			calls = int(seen.Load())
		})
	}
	if calls < 35 {
		t.Errorf("only %d moments were tried", calls)
	}
}

func TestMakeMendsWhatItCan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.make(t)
	w.update(t, &pubsubpb.Subscription{
		Name: worker, AckDeadlineSeconds: 10, Labels: map[string]string{"team": "chat"}, RetainAckedMessages: true,
		ExpirationPolicy: &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(24 * time.Hour)},
	}, "ack_deadline_seconds", "labels", "retain_acked_messages", "expiration_policy", "retry_policy", "dead_letter_policy")
	check(t, w.Revoke(topic, broker.PublisherRole, simulate.ChatPublisher))
	check(t, w.Grant(topic, broker.PublisherRole, workerSelf))

	done, left, err := p.Make(t.Context())
	check(t, err)
	want := []provision.Change{
		{Resource: worker, What: "set ack_deadline_seconds, expiration_policy, retry_policy, dead_letter_policy"},
		{Resource: topic, What: "granted roles/pubsub.publisher to chat-api-push@system.gserviceaccount.com"},
	}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	// It takes a role from nobody.
	if len(left) != 1 || left[0].Got != workerSelf || left[0].Mend != provision.Manual {
		t.Errorf("left %v", left)
	}
	if s := w.get(t, worker); s.Labels["team"] != "chat" || !s.RetainAckedMessages {
		t.Errorf("what is a person's choice was changed: %v", s)
	}
}

// A subscription that serves somebody else is neither changed nor shared.
func TestMakeLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.make(t)
	w.replace(t, &pubsubpb.Subscription{Topic: deadTopic})
	before := w.get(t, worker)
	done, left, err := p.Make(t.Context())
	check(t, err)
	if len(done) > 0 {
		t.Errorf("done %v", done)
	}
	var field *provision.Drift
	for _, d := range left {
		if d.Resource == worker && d.Field == "topic" {
			field = &d
		}
	}
	if field == nil || field.Mend != provision.Recreate || !strings.HasPrefix(field.Fix, "gcloud pubsub subscriptions create chat-events-worker-2 --project=p --topic=chat-events --ack-deadline=60 ") {
		t.Errorf("left %v", left)
	}
	if diff := cmp.Diff(before.String(), w.get(t, worker).String()); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

// A role that somebody holds under a condition is kept as it is, and doesn't
// count as granted.
func TestMakeKeepsConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.make(t)
	policy := &iampb.Policy{}
	check(t, protojson.Unmarshal([]byte(`{"version": 3, "bindings": [{"role": "roles/pubsub.publisher", "members": ["`+provision.Chat+`"],
		"condition": {"title": "until 2030", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}}]}`), policy))
	_, err := w.client.TopicAdminClient.SetIamPolicy(t.Context(), &iampb.SetIamPolicyRequest{Resource: topic, Policy: policy})
	check(t, err)
	if _, left, err := p.Make(t.Context()); err != nil || len(left) > 0 {
		t.Fatalf("left %v, %v", left, err)
	}
	got, err := w.client.TopicAdminClient.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: topic, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: 3}})
	check(t, err)
	if len(got.Bindings) != 2 || got.Bindings[0].Condition.GetTitle() != "until 2030" || got.Bindings[1].Condition != nil {
		t.Errorf("got %v", got)
	}
}
