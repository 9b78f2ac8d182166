package provision

import (
	"cmp"
	"os"
	"strings"
	"testing"
)

// docs/pubsub.md has a row for every setting, with the value that it must
// have and whether it can be changed.
func TestDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/pubsub.md")
	if err != nil {
		t.Fatal(err)
	}
	want := Names{}.Facts("NUMBER", "").Subscriptions[1]
	rows := 0
	for _, f := range subscriptionFields() {
		value := f.show(want)
		mend := map[Mend]string{InPlace: "yes", Manual: "by hand", Recreate: "no"}[f.mend]
		found := false
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			if len(cells) == 4 && strings.TrimSpace(cells[0]) == "`"+f.path+"`" {
				found = (value == "" || cells[1] == "`"+value+"`") && strings.TrimSpace(cells[3]) == mend
				rows++
			}
		}
		if !found {
			t.Errorf("no row says that %s must be %s, and can be changed: %s", f.path, cmp.Or(value, "one of ours"), mend)
		}
	}
	if rows != len(subscriptionFields()) {
		t.Errorf("%d rows, want %d", rows, len(subscriptionFields()))
	}
	for _, b := range (Names{}).Facts("NUMBER", "worker").Bindings {
		if !strings.Contains(string(text), "`"+b.Role+"`") || b.Member != "worker" && !strings.Contains(string(text), strings.TrimPrefix(b.Member, "serviceAccount:")) {
			t.Errorf("%s to %s isn't documented", b.Role, b.Member)
		}
	}
}
