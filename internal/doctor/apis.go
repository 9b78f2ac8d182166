package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/option"
	"google.golang.org/api/serviceusage/v1"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
)

const (
	pubsubService = "pubsub.googleapis.com"
	chatService   = "chat.googleapis.com"
	eventsService = "workspaceevents.googleapis.com"
)

func apiChecks() []check {
	return []check{
		{code: "SK301", group: groupAPIs, name: "the Pub/Sub API is on", pre: true, needs: []string{"SK203"}, run: apiOn(pubsubService, func(e *examination) error {
			if e.opts.Pre {
				return errUnasked
			}
			_, err := e.drifts()
			return err
		})},
		{code: "SK302", group: groupAPIs, name: "the Chat API is on", pre: true, needs: []string{"SK203"}, run: apiOn(chatService, func(e *examination) error {
			_, err := e.spaces()
			return err
		})},
		{code: "SK303", group: groupAPIs, name: "the Workspace Events API is on", pre: true, needs: []string{"SK203"}, run: apiOn(eventsService, func(e *examination) error {
			_, err := e.listed()
			return err
		})},
	}
}

var errUnasked = errors.New("not asked")

// apiOn takes Google's list of APIs or, where the caller may not see it, a
// call of the API itself for the answer.
func apiOn(service string, use func(*examination) error) run {
	return func(_ context.Context, e *examination) finding {
		off := failed("it is off in project "+e.cfg.Project, fmt.Sprintf("gcloud services enable %s --project=%s", service, e.cfg.Project)).about(service)
		on, listErr := e.services()
		if listErr == nil && !on[service] {
			return off
		}
		if listErr == nil {
			return fine("it is")
		}
		switch err := use(e); {
		case switchedOff(err):
			return off
		case errors.Is(err, errUnasked):
			return skipped("whether it is on can't be seen: %v", listErr)
		}
		return fine("it answers")
	}
}

// askServices asks which APIs are on in the project. A fake of Google that
// has no such API isn't asked.
func (e *examination) askServices(ctx context.Context) (map[string]bool, error) {
	endpoint := e.cfg.Endpoints.ServiceUsage
	if endpoint == "" && faked(e.cfg) {
		return nil, errUnasked
	}
	transport, err := credentials.Transport(e.cfg.Auth.AsApp(), config.IsLoopback(endpoint), cloudScope)
	if err != nil {
		return nil, fmt.Errorf("open the Service Usage API: %w", err)
	}
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	opts := []option.ClientOption{option.WithHTTPClient(client)}
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(strings.TrimSuffix(endpoint, "/")+"/"))
	}
	usage, err := serviceusage.NewService(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open the Service Usage API: %w", err)
	}
	parent := "projects/" + e.cfg.Project
	names := []string{parent + "/services/" + pubsubService, parent + "/services/" + chatService, parent + "/services/" + eventsService}
	found, err := usage.Services.BatchGet(parent).Names(names...).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("see which APIs are on (roles/serviceusage.serviceUsageViewer allows it): %w", err)
	}
	on := map[string]bool{}
	for _, s := range found.Services {
		on[s.Name[strings.LastIndexByte(s.Name, '/')+1:]] = s.State == "ENABLED"
	}
	return on, nil
}
