package provision_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// seen is a drift without its reason.
type seen struct {
	What string // "subscription chat-events-worker filter"
	Got  string
	Want string
	Mend string
	Fix  string
}

func see(drifts []provision.Drift) (list []seen) {
	for _, d := range drifts {
		kind := "topic"
		if strings.Contains(d.Resource, "/subscriptions/") {
			kind = "subscription"
		}
		_, id, _ := strings.Cut(d.Resource, "/"+kind+"s/")
		list = append(list, seen{kind + " " + id + " " + d.Field, d.Got, d.Want, d.Mend.String(), d.Fix})
	}
	return list
}

// create is what makes the worker's subscription as it must be.
func create(name string) string {
	return "gcloud pubsub subscriptions create " + name + " --project=p --topic=chat-events --ack-deadline=60 --message-retention-duration=31d --expiration-period=never" +
		" --min-retry-delay=10s --max-retry-delay=600s --dead-letter-topic=chat-events-dead-letter --max-delivery-attempts=100"
}

// Row P13: each drift of the live settings is reported, and no other.
func TestCheckReportsEachDrift(t *testing.T) {
	t.Parallel()
	const update = "gcloud pubsub subscriptions update chat-events-worker --project=p "
	const another = "  # then let the worker empty chat-events-worker, and name the new one in the configuration"
	agent := broker.ServiceAgent("p")
	set := func(s *pubsubpb.Subscription, paths ...string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			s.Name = worker
			w.update(t, s, paths...)
		}
	}
	// as it must be, and then changed
	made := func(change func(*pubsubpb.Subscription)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			s := w.get(t, worker)
			change(s)
			w.replace(t, s)
			check(t, w.Grant(worker, broker.SubscriberRole, agent))
			check(t, w.Grant(worker, broker.SubscriberRole, workerSelf))
			check(t, w.Grant(worker, "roles/pubsub.viewer", workerSelf))
		}
	}
	topics := func(s *pubsubpb.Topic, path string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			s.Name = topic
			_, err := w.client.TopicAdminClient.UpdateTopic(t.Context(), &pubsubpb.UpdateTopicRequest{Topic: s, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
			check(t, err)
		}
	}
	revoke := func(resource, role, member string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { check(t, w.Revoke(resource, role, member)) }
	}
	tests := map[string]struct {
		drift func(*testing.T, *world)
		want  seen
	}{
		"expires": {set(&pubsubpb.Subscription{}, "expiration_policy"),
			seen{"subscription chat-events-worker expiration_policy.ttl", "31d", "never", "in place", update + "--expiration-period=never"}},
		"forgets": {set(&pubsubpb.Subscription{MessageRetentionDuration: durationpb.New(90 * time.Minute)}, "message_retention_duration"),
			seen{"subscription chat-events-worker message_retention_duration", "5400s", "31d", "in place", update + "--message-retention-duration=31d"}},
		"short lease": {set(&pubsubpb.Subscription{AckDeadlineSeconds: 10}, "ack_deadline_seconds"),
			seen{"subscription chat-events-worker ack_deadline_seconds", "10", "60", "in place", update + "--ack-deadline=60"}},
		"retries soon": {set(&pubsubpb.Subscription{RetryPolicy: &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(time.Second)}}, "retry_policy"),
			seen{"subscription chat-events-worker retry_policy.minimum_backoff", "1s", "10s", "in place", update + "--min-retry-delay=10s --max-retry-delay=600s"}},
		"gives up soon": {set(&pubsubpb.Subscription{DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: deadTopic}}, "dead_letter_policy"),
			seen{"subscription chat-events-worker dead_letter_policy.max_delivery_attempts", "5", "100", "in place",
				update + "--dead-letter-topic=chat-events-dead-letter --max-delivery-attempts=100"}},
		"other dead letters": {func(t *testing.T, w *world) {
			const dump = "projects/p/topics/dump"
			_, err := w.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: dump})
			check(t, err)
			w.update(t, &pubsubpb.Subscription{Name: worker, DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: dump, MaxDeliveryAttempts: 100}}, "dead_letter_policy")
		},
			seen{"subscription chat-events-worker dead_letter_policy.dead_letter_topic", "projects/p/topics/dump", deadTopic, "in place",
				update + "--dead-letter-topic=chat-events-dead-letter --max-delivery-attempts=100"}},
		"filter": {made(func(s *pubsubpb.Subscription) { s.Filter = `attributes:ce-type` }),
			seen{"subscription chat-events-worker filter", "attributes:ce-type", "none", "only by another one", create("chat-events-worker-2") + another}},
		"ordered": {made(func(s *pubsubpb.Subscription) { s.EnableMessageOrdering = true }),
			seen{"subscription chat-events-worker enable_message_ordering", "true", "false", "only by another one", create("chat-events-worker-2") + another}},
		"other topic": {made(func(s *pubsubpb.Subscription) { s.Topic = deadTopic }),
			seen{"subscription chat-events-worker topic", deadTopic, topic, "only by another one", create("chat-events-worker-2") + another}},
		"regions": {topics(&pubsubpb.Topic{MessageStoragePolicy: &pubsubpb.MessageStoragePolicy{AllowedPersistenceRegions: []string{"europe-west1", "europe-west4"}}}, "message_storage_policy"),
			seen{"topic chat-events message_storage_policy.allowed_persistence_regions", "europe-west1,europe-west4", "any", "by hand",
				"gcloud pubsub topics update chat-events --project=p --recompute-message-storage-policy"}},
		"Chat may not publish": {revoke(topic, broker.PublisherRole, simulate.ChatPublisher),
			seen{"topic chat-events roles/pubsub.publisher", "not granted", simulate.ChatPublisher, "in place",
				"gcloud pubsub topics add-iam-policy-binding chat-events --project=p --member=" + simulate.ChatPublisher + " --role=roles/pubsub.publisher"}},
		"dead letters can't be put": {revoke(deadTopic, broker.PublisherRole, agent),
			seen{"topic chat-events-dead-letter roles/pubsub.publisher", "not granted", agent, "in place",
				"gcloud pubsub topics add-iam-policy-binding chat-events-dead-letter --project=p --member=" + agent + " --role=roles/pubsub.publisher"}},
		"dead letters can't be taken": {revoke(worker, broker.SubscriberRole, agent),
			seen{"subscription chat-events-worker roles/pubsub.subscriber", "not granted", agent, "in place",
				"gcloud pubsub subscriptions add-iam-policy-binding chat-events-worker --project=p --member=" + agent + " --role=roles/pubsub.subscriber"}},
		"the worker may not pull": {revoke(worker, broker.SubscriberRole, workerSelf),
			seen{"subscription chat-events-worker roles/pubsub.subscriber", "not granted", workerSelf, "in place",
				"gcloud pubsub subscriptions add-iam-policy-binding chat-events-worker --project=p --member=" + workerSelf + " --role=roles/pubsub.subscriber"}},
		"others may publish": {func(t *testing.T, w *world) { check(t, w.Grant(topic, broker.PublisherRole, "allUsers")) },
			seen{"topic chat-events roles/pubsub.publisher", "allUsers", "Google Chat alone", "by hand",
				"gcloud pubsub topics remove-iam-policy-binding chat-events --project=p --member=allUsers --role=roles/pubsub.publisher"}},
		"dead letters are lost": {func(t *testing.T, w *world) {
			check(t, w.client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: deadSub}))
		}, seen{"subscription chat-events-dead-letter existence", "missing", "there", "in place",
			"gcloud pubsub subscriptions create chat-events-dead-letter --project=p --topic=chat-events-dead-letter --message-retention-duration=31d --expiration-period=never"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p, _ := w.make(t)
			tt.drift(t, w)
			drifts, err := p.Check(t.Context())
			check(t, err)
			if diff := cmp.Diff([]seen{tt.want}, see(drifts)); diff != "" {
				t.Errorf("drifts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.make(t)
	w.update(t, &pubsubpb.Subscription{Name: worker, AckDeadlineSeconds: 10}, "ack_deadline_seconds", "expiration_policy", "message_retention_duration", "retry_policy")
	w.update(t, &pubsubpb.Subscription{Name: deadSub}, "expiration_policy")
	check(t, w.Revoke(topic, broker.PublisherRole, simulate.ChatPublisher))
	drifts, err := p.Check(t.Context())
	check(t, err)
	var got []string
	for _, s := range see(drifts) {
		got = append(got, s.What)
	}
	want := []string{
		"subscription chat-events-dead-letter expiration_policy.ttl",
		"subscription chat-events-worker ack_deadline_seconds",
		"subscription chat-events-worker message_retention_duration",
		"subscription chat-events-worker expiration_policy.ttl",
		"subscription chat-events-worker retry_policy.minimum_backoff",
		"subscription chat-events-worker retry_policy.maximum_backoff",
		"topic chat-events roles/pubsub.publisher",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drifts (-want +got):\n%s", diff)
	}
}

// The commands that Check gives for an empty project are those of the facts.
func TestCheckOfAnEmptyProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drifts, err := w.provisioner(t).Check(t.Context())
	check(t, err)
	names := provision.Names{Topic: topic, Subscription: worker, DeadLetterTopic: deadTopic, DeadLetterSubscription: deadSub}
	var got []string
	for _, d := range drifts {
		got = append(got, d.Fix)
		if d.Mend != provision.InPlace || d.Why == "" {
			t.Errorf("got %+v", d)
		}
	}
	want := names.Facts(broker.ProjectNumber("p"), workerSelf).Commands()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commands (-facts +drifts):\n%s", diff)
	}
	if drifts[0].String() != "topic chat-events-dead-letter: existence is missing, not there: nothing can be published to it; gcloud pubsub topics create chat-events-dead-letter --project=p" {
		t.Errorf("got %s", drifts[0])
	}
}

// An add-on's account publishes, too, and stronger roles do as well as the
// smallest.
func TestCheckAcceptsWhatDoesNoHarm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.make(t)
	check(t, w.Grant(topic, broker.PublisherRole, "serviceAccount:service-123456789012@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"))
	check(t, w.Revoke(worker, broker.SubscriberRole, workerSelf))
	check(t, w.Grant(worker, "roles/pubsub.editor", workerSelf))
	w.update(t, &pubsubpb.Subscription{Name: worker, RetainAckedMessages: true}, "retain_acked_messages")
	drifts, err := p.Check(t.Context())
	if err != nil || len(drifts) > 0 {
		t.Errorf("got %v, %v", drifts, err)
	}
}

// A Pub/Sub that can't be reached is given up, and says why, though the caller
// would wait for ever.
func TestCheckUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := newWorld(t).provisioner(t, func(o *provision.Options) {
		o.ClientOptions = append(o.ClientOptions, option.WithEndpoint(l.Addr().String()))
	})
	_, err = p.Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), "HTTPS_PROXY") {
		t.Errorf("got %v, want the connection's error and what to do", err)
	}
}

// Where there are no policies, as in Google's emulator, Check says so of each
// and judges the rest; Make makes all else.
func TestNoPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.OnCall(func(_ context.Context, c broker.Call) error {
		if strings.HasSuffix(c.Method, "IamPolicy") {
			return status.Error(codes.Unimplemented, "no such method")
		}
		return nil
	})
	p := w.provisioner(t)
	if drifts, err := p.Check(t.Context()); !errors.Is(err, provision.ErrNoPolicies) || len(drifts) != 4 {
		t.Errorf("got %d drifts and %v, want what is missing and %v", len(drifts), err, provision.ErrNoPolicies)
	}
	if done, left, err := p.Make(t.Context()); err != nil || len(done) != 4 || len(left) > 0 {
		t.Errorf("made %v, left %v, %v", done, left, err)
	}
}
