package broker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// policies is the google.iam.v1.IAMPolicy service: who may do what with a
// topic or a subscription.
type policies struct {
	iampb.UnimplementedIAMPolicyServer
	server *Server
}

// conditional is the version of policies whose bindings have conditions.
const conditional = 3

var (
	roleName   = regexp.MustCompile(`^(roles/(pubsub\.(admin|editor|publisher|subscriber|viewer)|owner|editor|viewer)|(projects|organizations)/[^/]+/roles/[\w.]+)$`)
	memberName = regexp.MustCompile(`^(allUsers|allAuthenticatedUsers|(deleted:)?(user|group|serviceAccount):[^@\s]+@[^@\s]+|domain:[^@\s]+|principal(Set)?://.+|serviceAccount:[^@\s]+\.svc\.id\.goog\[[^\]]+\])$`)
	agentName  = regexp.MustCompile(`^serviceAccount:service-(\d+)@gcp-sa-pubsub\.iam\.gserviceaccount\.com$`)
)

func (p *policies) GetIamPolicy(_ context.Context, in *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	s := p.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.exists(in.GetResource()) {
		return nil, notFound(in.GetResource())
	}
	policy := proto.CloneOf(s.policy(in.Resource))
	if in.GetOptions().GetRequestedPolicyVersion() < conditional {
		hideConditions(policy)
	}
	return policy, nil
}

// hideConditions is what callers get who don't know conditions: bindings with
// names that can't be written back.
func hideConditions(policy *iampb.Policy) {
	policy.Version = min(policy.Version, 1)
	for _, b := range policy.Bindings {
		if b.Condition != nil {
			sum := sha256.Sum256([]byte(b.Condition.Expression))
			b.Role += "_withcond_" + hex.EncodeToString(sum[:10])
			b.Condition = nil
		}
	}
}

// SetIamPolicy replaces the policy, unless it has changed since the etag in
// the request was read. Without an etag it replaces whatever is there.
func (p *policies) SetIamPolicy(_ context.Context, in *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.exists(in.GetResource()) {
		return nil, notFound(in.GetResource())
	}
	next := cmp.Or(proto.CloneOf(in.GetPolicy()), &iampb.Policy{})
	if err := s.checkPolicy(next); err != nil {
		return nil, err
	}
	if len(next.Etag) > 0 && string(next.Etag) != string(s.policy(in.Resource).Etag) {
		return nil, status.Error(codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
	}
	s.setPolicy(in.Resource, next)
	return proto.CloneOf(next), nil
}

func (s *Server) checkPolicy(policy *iampb.Policy) error {
	for _, b := range policy.Bindings {
		if !roleName.MatchString(b.Role) {
			return invalid("Role %s is not supported for this resource.", b.Role)
		}
		if b.Condition != nil && policy.Version != conditional {
			return invalid("A policy with conditions must have version %d.", conditional)
		}
		for _, m := range b.Members {
			if !memberName.MatchString(m) {
				return invalid("Invalid member %q: it needs a type and an address, such as user:jo@example.com.", m)
			}
			if agent := agentName.FindStringSubmatch(m); agent != nil && !s.knowsNumber(agent[1]) {
				return invalid("Service account %s does not exist.", strings.TrimPrefix(m, "serviceAccount:"))
			}
		}
	}
	policy.Bindings = slices.DeleteFunc(policy.Bindings, func(b *iampb.Binding) bool { return len(b.Members) == 0 })
	return nil
}

// knowsNumber reports whether a project that has anything here has the number.
func (s *Server) knowsNumber(number string) bool {
	names := slices.AppendSeq(slices.Collect(maps.Keys(s.topics)), maps.Keys(s.subscriptions))
	return slices.ContainsFunc(names, func(name string) bool { return ProjectNumber(projectOf(name)) == number })
}

// TestIamPermissions answers with those that the caller holds: all but the
// ones that were denied.
func (p *policies) TestIamPermissions(_ context.Context, in *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	s := p.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &iampb.TestIamPermissionsResponse{}
	if !s.exists(in.GetResource()) {
		return out, nil // as Google does: not an error
	}
	for _, permission := range in.GetPermissions() {
		if strings.Contains(permission, "*") {
			return nil, invalid("Permissions with wildcards can't be tested: %s.", permission)
		}
		if !s.denied[permission] {
			out.Permissions = append(out.Permissions, permission)
		}
	}
	return out, nil
}

// What follows is called with the server locked.

func (s *Server) exists(resource string) bool {
	return s.topics[resource] != nil || s.subscriptions[resource] != nil
}

func (s *Server) policy(resource string) *iampb.Policy {
	if p := s.policies[resource]; p != nil {
		return p
	}
	return &iampb.Policy{Etag: []byte("0")}
}

func (s *Server) setPolicy(resource string, policy *iampb.Policy) {
	s.etag++
	policy.Etag = []byte(strconv.FormatUint(s.etag, 10))
	s.policies[resource] = policy
}
