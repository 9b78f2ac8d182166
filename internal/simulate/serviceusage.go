package simulate

import (
	"net/http"
	"slices"
	"strings"

	"google.golang.org/api/serviceusage/v1"
)

// Names of the services that can be switched on for a project.
const (
	pubsubService = "pubsub.googleapis.com"
	usageService  = "serviceusage.googleapis.com"
)

// projectNumber is what some answers name the project by.
const projectNumber = "100000000042"

// usageAPI is services.batchGet of the Service Usage API: which APIs the
// project has switched on. https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet
type usageAPI struct{ w *Workspace }

// maxServices is how many one call may ask for.
const maxServices = 30

func (a usageAPI) batchGet(r *http.Request) (any, *apiError) {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if apiErr := a.w.admit(usageService, UsageAPIDisabled); apiErr != nil {
		return nil, apiErr
	}
	project, names := r.PathValue("project"), r.URL.Query()["names"]
	switch {
	case project != a.w.project, a.w.conditions[ServicesHidden]:
		return nil, denied("Permission denied to get service [%s] for consumer [projects/%s].", strings.Join(names, ", "), project)
	case len(names) == 0 || len(names) > maxServices:
		return nil, invalid("The number of names must be from 1 to %d.", maxServices)
	}
	answer := &serviceusage.BatchGetServicesResponse{}
	for _, name := range names {
		id, ok := strings.CutPrefix(name, "projects/"+project+"/services/")
		if !ok || strings.Contains(id, "/") {
			return nil, invalid("Invalid service name %q.", name)
		}
		state := "DISABLED"
		if slices.Contains(a.w.enabledServices(), id) {
			state = "ENABLED"
		}
		answer.Services = append(answer.Services, &serviceusage.GoogleApiServiceusageV1Service{
			Name: "projects/" + projectNumber + "/services/" + id, Parent: "projects/" + projectNumber, State: state,
		})
	}
	return answer, nil
}

// enabledServices are those that the conditions leave on. The lock is held.
func (w *Workspace) enabledServices() (list []string) {
	for service, off := range map[string]Condition{
		chatService: ChatAPIDisabled, eventsService: EventsAPIDisabled,
		pubsubService: PubSubAPIDisabled, usageService: UsageAPIDisabled,
	} {
		if !w.conditions[off] {
			list = append(list, service)
		}
	}
	return list
}
