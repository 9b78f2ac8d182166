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
		apiCheck("SK301", "the Pub/Sub API is on", pubsubService, func(e *examination) error {
			if e.opts.Pre && e.cfg.PubSub.Manage {
				return errUnasked
			}
			_, err := e.drifts()
			return err
		}),
		apiCheck("SK302", "the Chat API is on", chatService, func(e *examination) error {
			_, err := e.spaces()
			return err
		}),
		apiCheck("SK303", "the Workspace Events API is on", eventsService, func(e *examination) error {
			return e.reached()
		}),
	}
}

var (
	errNoList  = errors.New("what stands for Google here has no list of APIs")
	errUnasked = errors.New("Pub/Sub is asked once apply has made what is missing there")
)

// apiCheck reads Google's list of APIs or, where the caller may not see it,
// calls the API itself.
func apiCheck(code, name, service string, call func(*examination) error) check {
	judge := func(_ context.Context, e *examination) finding {
		enable := fmt.Sprintf("gcloud services enable %s --project=%s", service, e.cfg.Project)
		off := failed("it is off in project "+e.cfg.Project, enable).about(service)
		on, listErr := e.services()
		switch {
		case listErr == nil && on[service]:
			return fine("it is")
		case listErr == nil:
			return off
		}
		switch err := call(e); {
		case switchedOff(err):
			return off
		case errors.Is(err, errUnasked):
			return skipped("%v; %v", listErr, err)
		}
		return fine("it answers")
	}
	return check{code: code, group: groupAPIs, name: name, pre: true, needs: []string{"SK203"}, run: judge}
}

// askServices asks which APIs are on in the project. A fake of Google that
// has no such API isn't asked.
func (e *examination) askServices(ctx context.Context) (map[string]bool, error) {
	endpoint := e.cfg.Endpoints.ServiceUsage
	if endpoint == "" && e.cfg.Endpoints.Faked() {
		return nil, errNoList
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
		return nil, fmt.Errorf("see which APIs are on (roles/serviceusage.serviceUsageViewer allows it): %w", credentials.Brief(err))
	}
	on := map[string]bool{}
	for _, s := range found.Services {
		on[s.Name[strings.LastIndexByte(s.Name, '/')+1:]] = s.State == "ENABLED"
	}
	return on, nil
}
