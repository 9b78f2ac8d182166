package rules_test

import (
	"errors"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// Whatever a file holds, it is taken or refused, with words.
func FuzzParse(f *testing.F) {
	for _, m := range mistakes() {
		if src := m.source(); len(src) < 1000 {
			f.Add(src)
		}
	}
	for _, src := range []string{planned, rendered, base, scheduled, ""} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := rules.Parse("reactors.yaml", []byte(src), options(map[string]string{"c.yaml": src}))
		var e *rules.Error
		switch {
		case err == nil:
			for _, r := range s.Rules() {
				if len(r.Steps) == 0 || len(r.On) == 0 || r.ID == "" {
					t.Errorf("a rule that does nothing was taken: %+v", r)
				}
			}
		case !errors.As(err, &e) || len(e.Mistakes) == 0 || e.Error() == "":
			t.Errorf("refused without words: %v", err)
		}
	})
}
