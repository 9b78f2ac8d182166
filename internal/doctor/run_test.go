package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// made is a list of checks that end as their codes say: each needs those
// after the colon.
func made(finds map[string]finding, codes ...string) []check {
	var list []check
	for _, c := range codes {
		code, needs, _ := strings.Cut(c, ":")
		list = append(list, check{code: code, group: groupConfig, needs: strings.Fields(needs), run: func(context.Context, *examination) finding {
			if f, ok := finds[code]; ok {
				return f
			}
			return fine("")
		}})
	}
	return list
}

func TestSkips(t *testing.T) {
	t.Parallel()
	finds := map[string]finding{"B": failed("broken"), "E": warning("odd"), "H": skipped("nobody knows")}
	r := newReport(runAll(t.Context(), &examination{timeout: time.Second}, made(finds, "D:C A", "C:B", "B:A", "A", "F:E", "E", "G:absent", "H", "I:H")))
	got := map[string]string{}
	var order []string
	for _, result := range r.Results {
		order = append(order, result.Code)
		got[result.Code] = strings.TrimSpace(string(result.Outcome) + " " + result.Seen)
	}
	want := map[string]string{
		"A": "ok", "B": "failed broken", "C": "skipped first B has to be mended", "D": "skipped first B has to be mended",
		"E": "warning odd", "F": "ok", "G": "ok", "H": "skipped nobody knows", "I": "skipped nobody knows",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if got := strings.Join(order, ""); got != "DCBAFEGHI" {
		t.Errorf("got the order %s, want that of the list", got)
	}
	if diff := cmp.Diff(map[Outcome]int{OK: 3, Failed: 1, Warning: 1, Skipped: 4}, r.Counts); diff != "" || r.Outcome != Failed {
		t.Errorf("the report is %s (-want +got):\n%s", r.Outcome, diff)
	}
}

// TestTimeout: one check that gets no answer fails in its time, and holds up
// none but those that need it.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := made(nil, "A", "B", "C:B")
		list[1].run = func(ctx context.Context, _ *examination) finding {
			<-ctx.Done()
			return failed(ctx.Err().Error())
		}
		began := time.Now()
		r := newReport(runAll(t.Context(), &examination{timeout: 20 * time.Second}, list))
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if got := r.Result("B"); got.Outcome != Failed || !strings.Contains(got.Seen, "no answer within 20s") {
			t.Errorf("got %+v", got)
		}
		if a, c := r.Result("A").Outcome, r.Result("C").Outcome; a != OK || c != Skipped {
			t.Errorf("A is %s and C %s", a, c)
		}
	})
}

// TestOnce: several checks get the one answer.
func TestOnce(t *testing.T) {
	t.Parallel()
	n := 0
	ask := once(t.Context(), &examination{timeout: time.Second}, func(context.Context) (int, error) {
		n++
		return n, errors.New("no")
	})
	for range 3 {
		if got, err := ask(); got != 1 || err == nil {
			t.Errorf("got %d, %v", got, err)
		}
	}
}

// TestPre: before anything has been made, nothing that is to be made is
// missed.
func TestPre(t *testing.T) {
	t.Parallel()
	w := bare(t, simulate.Options{}, newDatabase(t))
	w.opts.Pre = true
	w.cfg.PubSub.Manage = true // apply makes it
	w.cfg.Database.DSN = ""
	r := w.examine(t)
	if r.Outcome != OK || r.Counts[OK] < 15 {
		t.Errorf("a new set-up is %s:\n%s", r.Outcome, lines(r))
	}
	for _, result := range r.Results {
		if result.Outcome == Skipped && result.Group != groupDatabase && result.Code != "SK802" && result.Code != "SK803" {
			t.Errorf("%s is skipped: %s", result.Code, result.Seen)
		}
		if result.Group == groupPubSub || result.Group == groupSubscriptions {
			t.Errorf("%s is about what hasn't been made", result.Code)
		}
	}
	w.SetCondition(simulate.ServicesHidden, true)
	if got := w.examine(t).Result("SK301"); got.Outcome != Skipped || !strings.Contains(got.Seen, "serviceUsageViewer") {
		t.Errorf("got %+v", got)
	}
}

// TestPreOfAnEmptyProject: what apply doesn't make has to be there before it,
// and the schema always.
func TestPreOfAnEmptyProject(t *testing.T) {
	t.Parallel()
	w := bare(t, simulate.Options{}, newDatabase(t))
	w.opts.Pre = true
	w.cfg.Database.DSN = storetest.EmptyDSN(t)
	failures := func(want ...string) {
		t.Helper()
		r := w.examine(t)
		var got []string
		for _, result := range r.Results {
			if result.Outcome == Failed {
				got = append(got, result.Code)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what fails (-want +got):\n%s\n%s", diff, lines(r))
		}
	}
	failures("SK502", "SK507", "SK518", "SK602")
	w.cfg.PubSub.Subscription = ""
	failures("SK501", "SK602")
}

// TestChecks holds the list to its own rules.
func TestChecks(t *testing.T) {
	t.Parallel()
	seen := map[string]check{}
	groups := map[string]byte{}
	for _, c := range checks() {
		if _, twice := seen[c.code]; twice || len(c.code) != 5 || !strings.HasPrefix(c.code, "SK") {
			t.Errorf("%q is used twice or is no code", c.code)
		}
		if first, ok := groups[c.group]; ok && first != c.code[2] {
			t.Errorf("%s has another hundred than its group", c.code)
		}
		groups[c.group] = c.code[2]
		seen[c.code] = c
	}
	for _, c := range seen {
		for _, need := range c.needs {
			if _, ok := seen[need]; !ok {
				t.Errorf("%s needs %s, which there isn't", c.code, need)
			}
		}
		if cyclic(seen, c.code, c.code) {
			t.Errorf("%s needs itself", c.code)
		}
	}
}

func cyclic(all map[string]check, from, to string) bool {
	for _, need := range all[from].needs {
		if need == to || cyclic(all, need, to) {
			return true
		}
	}
	return false
}
