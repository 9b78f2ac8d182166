package simulate

import (
	"net/http"
	"strconv"

	"google.golang.org/api/cloudresourcemanager/v1"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

const managerService = "cloudresourcemanager.googleapis.com"

// managerAPI is projects.get of the Resource Manager API: what number a
// project has. https://cloud.google.com/resource-manager/reference/rest/v1/projects/get
type managerAPI struct{ w *Workspace }

func (a managerAPI) get(r *http.Request) (any, *apiError) {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if apiErr := a.w.admit(managerService, ManagerAPIOff); apiErr != nil {
		return nil, apiErr
	}
	project := r.PathValue("project")
	if project != a.w.project || a.w.conditions[ProjectHidden] {
		return nil, denied("The caller does not have permission") // of a project that doesn't exist, too
	}
	number, _ := strconv.ParseInt(broker.ProjectNumber(project), 10, 64) // it is made of digits
	return &cloudresourcemanager.Project{ProjectId: project, ProjectNumber: number, LifecycleState: "ACTIVE", Name: project}, nil
}
