package simulate

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/api/cloudresourcemanager/v1"
	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestResourceManager(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	manager, err := cloudresourcemanager.NewService(t.Context(),
		option.WithEndpoint(v.ResourceManagerEndpoint()), option.WithHTTPClient(&http.Client{Transport: v.InProcess()}))
	check(t, err)
	got, err := manager.Projects.Get(v.Project()).Do()
	check(t, err)
	if fmt.Sprint(got.ProjectNumber) != broker.ProjectNumber(v.Project()) {
		t.Errorf("got %d", got.ProjectNumber)
	}
	_, err = manager.Projects.Get("another-project").Do()
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	v.SetCondition(ProjectHidden, true)
	_, err = manager.Projects.Get(v.Project()).Do()
	wantError(t, err, http.StatusForbidden, "PERMISSION_DENIED")
	v.SetCondition(ManagerAPIOff, true)
	_, err = manager.Projects.Get(v.Project()).Do()
	if wantError(t, err, http.StatusForbidden, ""); !strings.Contains(err.Error(), "is disabled") {
		t.Errorf("got %v", err)
	}
}
