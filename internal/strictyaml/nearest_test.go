package strictyaml_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"member", "message", "space", "is_member", "if"}
	for word, want := range map[string]string{
		"membr": "member", "mmeber": "member", "MESSAGE": "message", "spaces": "space", "is_membr": "is_member", "fi": "if",
		"": "", "reaction": "", "xx": "",
	} {
		if got := strictyaml.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
