package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/cloudresourcemanager/v1"
	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/credentials"
)

// unknownNumberError says why the project's number is not known.
type unknownNumberError struct {
	project string
	fix     string
	cause   error
}

func (e *unknownNumberError) Error() string {
	return fmt.Sprintf("find the number of project %s, which Pub/Sub's own account is named after: %v; %s", e.project, e.cause, e.fix)
}

func (e *unknownNumberError) Unwrap() error { return e.cause }

// numberCommand prints the number.
func numberCommand(project string) string {
	return "gcloud projects describe " + project + " --format='value(projectNumber)'"
}

// number returns the number of the subscription's project, or an
// unknownNumberError.
func (p *Provisioner) number(ctx context.Context) (string, error) {
	name := project(p.names.Subscription)
	if p.options.ProjectNumber != "" {
		return p.options.ProjectNumber, nil
	}
	if p.options.ResourceManager == nil {
		return "", &unknownNumberError{name, "it is what this prints: " + numberCommand(name), errors.New("it isn't given")}
	}
	opts := []option.ClientOption{option.WithHTTPClient(&http.Client{Transport: p.options.ResourceManager})}
	if p.options.ResourceManagerEndpoint != "" {
		opts = append(opts, option.WithEndpoint(p.options.ResourceManagerEndpoint))
	}
	service, err := cloudresourcemanager.NewService(ctx, opts...)
	if err != nil {
		return "", fmt.Errorf("connect to the Resource Manager API: %w", err)
	}
	found, err := service.Projects.Get(name).Context(ctx).Do()
	if err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("find the number of project %s: %w", name, ctx.Err())
		}
		fix := fmt.Sprintf("run: gcloud projects add-iam-policy-binding %s --member=%s --role=roles/browser", name, p.caller())
		if disabled(err) {
			fix = "run: gcloud services enable cloudresourcemanager.googleapis.com --project=" + name
		}
		return "", &unknownNumberError{name, fix, credentials.Brief(err)}
	}
	return fmt.Sprint(found.ProjectNumber), nil
}

// grantable is the binding as a shell can grant it: an unknown number is asked
// for there.
func (p *Provisioner) grantable(b Binding) Binding {
	if b.Member == serviceAgent("") {
		b.Member = strings.Replace(b.Member, "service-", "service-$("+numberCommand(project(p.names.Subscription))+")", 1)
	}
	return b
}
