package provision

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// withConditions is the version of policies in which bindings keep their
// conditions when they are written back.
const withConditions = 3

// granting lists the resources on which roles are granted, in order.
func (f Facts) granting() []string {
	var list []string
	for _, b := range f.Bindings {
		if !slices.Contains(list, b.Resource) {
			list = append(list, b.Resource)
		}
	}
	return list
}

// on are the bindings of one resource.
func (f Facts) on(resource string) []Binding {
	return slices.DeleteFunc(slices.Clone(f.Bindings), func(b Binding) bool { return b.Resource != resource })
}

func (p *Provisioner) checkBindings(ctx context.Context, resource string, want []Binding) ([]Drift, error) {
	policy, err := p.policy(ctx, resource)
	if status.Code(err) == codes.NotFound {
		policy, err = &iampb.Policy{}, nil
	}
	if err != nil {
		return nil, p.explain("read the policy of", resource, "getIamPolicy", err)
	}
	var drifts []Drift
	for _, b := range want {
		if !satisfied(policy, b) {
			drifts = append(drifts, Drift{
				Resource: resource, Field: b.Role, Got: "not granted", Want: b.Member,
				Why: b.why, Fix: p.grantable(b).command("add"), Mend: InPlace, Grave: b.grave,
			})
		}
	}
	if resource == p.names.Topic {
		drifts = append(drifts, otherPublishers(policy, resource)...)
	}
	return drifts, nil
}

// serviceAgentOfAny matches the accounts that an unknown project number leaves
// possible: Pub/Sub's of some project.
var serviceAgentOfAny = regexp.MustCompile(`^serviceAccount:service-\d+@gcp-sa-pubsub\.iam\.gserviceaccount\.com$`)

// satisfied reports whether the policy has the binding, or one of a role that
// includes it. Conditions are taken for unfulfilled.
func satisfied(policy *iampb.Policy, want Binding) bool {
	roles := []string{want.Role, "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"}
	for _, b := range policy.GetBindings() {
		if b.Condition != nil || !slices.Contains(roles, b.Role) {
			continue
		}
		if slices.ContainsFunc(b.Members, func(m string) bool {
			return m == want.Member || want.Member == serviceAgent("") && serviceAgentOfAny.MatchString(m)
		}) {
			return true
		}
	}
	return false
}

// addOn matches the account that publishes the interactions with a Chat app
// that is a Google Workspace add-on. Nothing is wrong with it.
var addOn = regexp.MustCompile(`^serviceAccount:service-\d+@gcp-sa-gsuiteaddons\.iam\.gserviceaccount\.com$`)

// otherPublishers names members who may publish to the topic, and should not.
func otherPublishers(policy *iampb.Policy, topic string) []Drift {
	var drifts []Drift
	for _, b := range policy.GetBindings() {
		if b.Role != publisherRole {
			continue
		}
		for _, m := range b.Members {
			if m == Chat || addOn.MatchString(m) {
				continue
			}
			drifts = append(drifts, Drift{
				Resource: topic, Field: publisherRole, Got: m, Want: "Google Chat alone",
				Why: "the worker takes what is in the topic for Google's", Mend: Manual,
				Fix: Binding{Resource: topic, Role: publisherRole, Member: m}.command("remove"),
			})
		}
	}
	return drifts
}

// bind grants what isn't granted yet on one resource, and reports what it has.
// Somebody else may change the policy at the same time: then it begins anew.
func (p *Provisioner) bind(ctx context.Context, resource string, want []Binding) ([]Binding, error) {
	const attempts = 10
	// Pauses are random, so that two processes don't collide again.
	pauses := gax.Backoff{Initial: 100 * time.Millisecond, Max: time.Minute, Multiplier: 2}
	for attempt := 1; ; attempt++ {
		policy, err := p.policy(ctx, resource)
		if status.Code(err) == codes.Unimplemented {
			return nil, nil // nobody is refused anything
		}
		if err != nil {
			return nil, p.explain("read the policy of", resource, "getIamPolicy", err)
		}
		lacking := slices.DeleteFunc(slices.Clone(want), func(b Binding) bool { return satisfied(policy, b) })
		if len(lacking) == 0 {
			return nil, nil
		}
		for _, b := range lacking {
			if b.Member == serviceAgent("") {
				_, err := p.number(ctx)
				return nil, err
			}
			add(policy, b)
		}
		err = p.setPolicy(ctx, resource, policy)
		if err == nil {
			return lacking, nil
		}
		if status.Code(err) != codes.Aborted || attempt == attempts {
			return nil, p.explain("change the policy of", resource, "setIamPolicy", err)
		}
		if err := gax.Sleep(ctx, pauses.Pause()); err != nil {
			return nil, fmt.Errorf("change the policy of %s: %w", resource, err)
		}
	}
}

func add(policy *iampb.Policy, b Binding) {
	for _, other := range policy.Bindings {
		if other.Role == b.Role && other.Condition == nil {
			other.Members = append(other.Members, b.Member)
			return
		}
	}
	policy.Bindings = append(policy.Bindings, &iampb.Binding{Role: b.Role, Members: []string{b.Member}})
}

// unavailable tries again for some seconds what Google didn't answer, and then
// lets the caller know why.
func unavailable() gax.CallOption {
	return gax.WithRetry(func() gax.Retryer {
		pauses := gax.Backoff{Initial: 200 * time.Millisecond, Max: 10 * time.Second, Multiplier: 2}
		return &atMost{4, gax.OnCodes([]codes.Code{codes.Unavailable}, pauses)}
	})
}

// atMost is a Retryer that gives up.
type atMost struct {
	left int
	gax.Retryer
}

func (a *atMost) Retry(err error) (time.Duration, bool) {
	if a.left--; a.left < 0 {
		return 0, false
	}
	return a.Retryer.Retry(err)
}

func (p *Provisioner) policy(ctx context.Context, resource string) (*iampb.Policy, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	in := &iampb.GetIamPolicyRequest{Resource: resource, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: withConditions}}
	if kind(resource) == "topic" {
		return p.topics.GetIamPolicy(ctx, in, unavailable())
	}
	return p.subscriptions.GetIamPolicy(ctx, in, unavailable())
}

func (p *Provisioner) setPolicy(ctx context.Context, resource string, policy *iampb.Policy) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if len(policy.Etag) == 0 {
		return errors.New("the policy has no etag: another change could be overwritten")
	}
	in := &iampb.SetIamPolicyRequest{Resource: resource, Policy: policy}
	var err error
	if kind(resource) == "topic" {
		_, err = p.topics.SetIamPolicy(ctx, in, unavailable())
	} else {
		_, err = p.subscriptions.SetIamPolicy(ctx, in, unavailable())
	}
	return err
}
