package facts

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// A thousand people who join together are asked about in as many statements as one.
func TestPeopleAreAskedAboutTogether(t *testing.T) {
	t.Parallel()
	statements := func(people int) int {
		all := make([]reactors.Facts, people)
		for i := range all {
			all[i].Trigger, all[i].Space.Name, all[i].Member.Name = reactors.MemberJoined, "spaces/S", fmt.Sprintf("users/%d", i)
		}
		ofMessages := reactors.NeedMessage | reactors.NeedThread | reactors.NeedReactions | reactors.NeedEdits
		return lookUp(all, reactors.NeedAll&^ofMessages, time.Time{}, pgtype.Timestamptz{}).batch.Len()
	}
	if one, thousand := statements(1), statements(1000); one == 0 || thousand != one {
		t.Errorf("%d statements for one person, %d for a thousand", one, thousand)
	}
}
