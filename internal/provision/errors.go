package provision

import (
	"errors"
	"fmt"
	"strings"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PermissionError says that the caller lacks a permission.
type PermissionError struct {
	Do         string // "read the policy of"
	Resource   string // "projects/P/topics/T"
	Permission string // "pubsub.topics.getIamPolicy"
	Grant      string // the command that grants the smallest role with it
	Err        error
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("%s %s %s: %s is missing; grant it with: %s", e.Do, kind(e.Resource), id(e.Resource), e.Permission, e.Grant)
}

func (e *PermissionError) Unwrap() error { return e.Err }

// caller is the member to grant a role to.
func (p *Provisioner) caller() string {
	if p.options.Member == "" {
		return "MEMBER"
	}
	return p.options.Member
}

// disabled reports whether the API that answered is switched off.
func disabled(err error) bool {
	var api *apierror.APIError
	if errors.As(err, &api) {
		return api.Reason() == "SERVICE_DISABLED"
	}
	api, ok := apierror.FromError(err)
	return ok && api.Reason() == "SERVICE_DISABLED"
}

// role is the smallest of Google's roles that has the permission.
func role(verb string) string {
	switch verb {
	case "get":
		return viewerRole
	case "attachSubscription":
		return subscriberRole
	case "getIamPolicy":
		return "roles/iam.securityReviewer"
	case "setIamPolicy":
		return "roles/pubsub.admin"
	}
	return "roles/pubsub.editor"
}

// ErrNoPolicies says that this Pub/Sub keeps no policies, as Google's emulator:
// who may do what can't be told.
var ErrNoPolicies = errors.New("this Pub/Sub has no policies, as Google's emulator")

// explain says what failed and what to do about it. The permission that the call
// needs is "pubsub.topics." or "pubsub.subscriptions." before verb.
func (p *Provisioner) explain(do, resource, verb string, err error) error {
	what := fmt.Sprintf("%s %s %s", do, kind(resource), id(resource))
	if disabled(err) {
		return fmt.Errorf("%s: the Pub/Sub API is switched off; run: gcloud services enable pubsub.googleapis.com --project=%s: %w",
			what, project(resource), err)
	}
	switch message := status.Convert(err).Message(); {
	case status.Code(err) == codes.PermissionDenied:
		return &PermissionError{
			Do: do, Resource: resource, Permission: "pubsub." + kind(resource) + "s." + verb, Err: err,
			Grant: fmt.Sprintf("gcloud projects add-iam-policy-binding %s --member=%s --role=%s", project(resource), p.caller(), role(verb)),
		}
	case status.Code(err) == codes.Unimplemented && verb == "getIamPolicy":
		return fmt.Errorf("%s: %w", what, ErrNoPolicies)
	case unreachable(err):
		return fmt.Errorf("%s: %w (let this machine reach Pub/Sub, directly or by HTTPS_PROXY)", what, err)
	case verb == "setIamPolicy" && strings.Contains(message, "permitted customer"):
		return fmt.Errorf("%s: the organization policy iam.allowedPolicyMemberDomains keeps Google's accounts out; an organization policy administrator must allow %s: %w",
			what, strings.TrimPrefix(Chat, "serviceAccount:"), err)
	case verb == "setIamPolicy" && strings.Contains(message, "gcp-sa-pubsub") && strings.Contains(message, "does not exist"):
		return fmt.Errorf("%s: Pub/Sub's own account is not there yet; run: gcloud beta services identity create --service=pubsub.googleapis.com --project=%s, and again after a minute: %w",
			what, project(p.names.Subscription), err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
