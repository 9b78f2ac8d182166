package conformancetest

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
)

// seen holds the ids of the methods that this process's tests have called.
var seen sync.Map

// Seen lists the methods that requests through [Check] have called so far,
// such as "chat.spaces.messages.create", sorted.
func Seen() []string {
	var ids []string
	seen.Range(func(id, _ any) bool {
		ids = append(ids, id.(string))
		return true
	})
	slices.Sort(ids)
	return ids
}

// Runner is what goleak.VerifyTestMain runs: *testing.M, or one around it.
type Runner interface{ Run() int }

// Main runs m and fails if no request to one of the wanted methods came
// through [Check], so that a hook that came loose is noticed. Where only some
// of the tests run, it is m.
func Main(m Runner, want ...string) Runner { return suite{m, want} }

type suite struct {
	Runner
	want []string
}

func (s suite) Run() int {
	code := s.Runner.Run()
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.bench", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return code
		}
	}
	got := Seen()
	missing := slices.DeleteFunc(slices.Clone(s.want), func(id string) bool { return slices.Contains(got, id) })
	if code != 0 || len(missing) == 0 {
		return code
	}
	fmt.Fprintf(os.Stderr, "no request to these methods was held against Google's documents: %q; to these there was: %q\n", missing, got)
	return 1
}
