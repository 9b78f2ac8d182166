package terraform

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// All that is ever granted, whatever the variables say.
func TestRoles(t *testing.T) {
	t.Parallel()
	m := readModule(t)
	var got []string
	for place, value := range m {
		if strings.HasPrefix(place, "resource.") && strings.HasSuffix(place, ".role") {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(place, "resource."), ".role")+" "+value)
		}
		resource := strings.Join(strings.Split(place, ".")[:min(3, strings.Count(place, ".")+1)], ".")
		instance := strings.Contains(m[resource+".condition.expression"], `/instances/${var.database.instance}\"`)
		if strings.HasPrefix(place, "resource.google_service_account_key.") ||
			strings.HasPrefix(place, "resource.google_project_iam_") && !strings.Contains(place, ".setup.") && !instance {
			t.Errorf("%s: no keys, and nothing for the whole project that isn't reading, nor without a condition", place)
		}
	}
	slices.Sort(got)
	want := []string{
		`google_bigquery_table_iam_member.writer "roles/bigquery.dataEditor"`,
		`google_project_iam_member.database_connect "roles/cloudsql.client"`,
		`google_project_iam_member.database_login "roles/cloudsql.instanceUser"`,
		`google_project_iam_member.setup google_project_iam_custom_role.setup.id`,
		`google_pubsub_subscription_iam_member.bigquery_forwarder "roles/pubsub.subscriber"`,
		`google_pubsub_subscription_iam_member.dead_letter_forwarder "roles/pubsub.subscriber"`,
		`google_pubsub_subscription_iam_member.worker "roles/pubsub.subscriber"`,
		`google_pubsub_subscription_iam_member.worker_viewer "roles/pubsub.viewer"`,
		`google_pubsub_topic_iam_binding.publishers "roles/pubsub.publisher"`,
		`google_pubsub_topic_iam_member.dead_letter_publisher "roles/pubsub.publisher"`,
		`google_secret_manager_secret_iam_member.migrate "roles/secretmanager.secretAccessor"`,
		`google_secret_manager_secret_iam_member.worker "roles/secretmanager.secretAccessor"`,
		`google_service_account_iam_member.setup_impersonator "roles/iam.serviceAccountTokenCreator"`,
		`google_service_account_iam_member.setup_workload_identity "roles/iam.workloadIdentityUser"`,
		`google_service_account_iam_member.worker_impersonator "roles/iam.serviceAccountTokenCreator"`,
		`google_service_account_iam_member.worker_workload_identity "roles/iam.workloadIdentityUser"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles differ (-want +got):\n%s", diff)
	}
}

// The setup account's role is enough to check everything, and each of its
// permissions is needed.
func TestSetupRoleIsTheLeast(t *testing.T) {
	t.Parallel()
	var reading, rest []string
	for permission := range strings.SplitSeq(inOrder(readModule(t)["resource.google_project_iam_custom_role.setup.permissions"]), ",") {
		permission = strings.Trim(permission, `"`)
		if strings.HasPrefix(permission, "pubsub.") {
			reading = append(reading, permission)
		} else {
			rest = append(rest, permission)
		}
	}
	// Pub/Sub isn't asked about these: the APIs that are on, the project's number.
	want := []string{"resourcemanager.projects.get", "serviceusage.services.get", "serviceusage.services.list"}
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("permissions outside Pub/Sub differ (-want +got):\n%s", diff)
	}
	server, err := broker.Start(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	const names = "projects/" + guideProject
	p, err := provision.New(t.Context(), provision.Options{
		Topic: names + "/topics/events", Subscription: names + "/subscriptions/worker", DeadLetterTopic: names + "/topics/dead",
		ProjectNumber: broker.ProjectNumber(guideProject), ClientOptions: server.ClientOptions(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if _, _, err := p.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"topics", "subscriptions"} {
		for _, verb := range []string{"create", "update", "delete", "list", "get", "getIamPolicy", "setIamPolicy", "publish", "attachSubscription", "consume"} {
			server.Deny("pubsub." + kind + "." + verb)
		}
	}
	server.Permit(reading...)
	if drifts, err := p.Check(t.Context()); err != nil || len(drifts) > 0 {
		t.Errorf("with the role: %v, %v", drifts, err)
	}
	for _, permission := range reading {
		server.Deny(permission)
		if _, err := p.Check(t.Context()); err == nil {
			t.Errorf("%s isn't needed", permission)
		}
		server.Permit(permission)
	}
}
