package coverage_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// seen is a subscription of space S that the keeper saw; times are in seconds.
func seen(observed, created, updated int) coverage.SubscriptionState {
	return coverage.SubscriptionState{
		Target: "//chat.googleapis.com/spaces/S", Scope: "spaces/S", Name: "subscriptions/s", UID: "uid-s", State: "ACTIVE",
		EventTypes: []string{"a", "b"}, Managed: true, CreateTime: at(created), UpdateTime: at(updated), ObservedAt: at(observed),
	}
}

func with(n coverage.SubscriptionState, change func(*coverage.SubscriptionState)) coverage.SubscriptionState {
	change(&n)
	return n
}

func suspended(observed int) coverage.SubscriptionState {
	return with(seen(observed, 3, 15), func(n *coverage.SubscriptionState) { n.State, n.Reason = "SUSPENDED", "OTHER" })
}

// foreign is what the keeper saw of a subscription that it isn't told to keep.
func foreign(n coverage.SubscriptionState) coverage.SubscriptionState {
	n.Managed = false
	return n
}

func missing(observed int) coverage.SubscriptionState {
	return coverage.SubscriptionState{Target: "//chat.googleapis.com/spaces/S", Scope: "spaces/S", Managed: true, ObservedAt: at(observed)}
}

func observe(t *testing.T, s *storetest.Env, observed int, states ...coverage.SubscriptionState) {
	t.Helper()
	if err := s.Observe(t.Context(), at(observed), states); err != nil {
		t.Fatal(err)
	}
}

// coverage renders the intervals of the space S: "live 0-10, gap 10- missing".
func coverageOf(t *testing.T, s *storetest.Env) string {
	t.Helper()
	return strings.Join(column(t, s, `
		SELECT concat_ws(' ', source, extract(epoch FROM from_time - $2)::integer || '-' || COALESCE(extract(epoch FROM to_time - $2)::integer::text, ''), cause)
		FROM coverage
		WHERE scope = $1
		ORDER BY from_time, id`, "spaces/S", epoch), ", ")
}

func TestCoverageFollowsWhatIsSeen(t *testing.T) {
	t.Parallel()
	touched := func(n *coverage.SubscriptionState) { n.Touched = true }
	elsewhere := func(n *coverage.SubscriptionState) { n.Elsewhere = true }
	env := storetest.New(t, storetest.Options{})
	type states = []coverage.SubscriptionState
	for name, test := range map[string]struct {
		states []coverage.SubscriptionState
		want   string
		jobs   int
	}{
		"live since it was made":           {states{seen(10, 3, 3)}, "live 3-", 0},
		"the same again":                   {states{seen(10, 3, 3), seen(10, 3, 3), seen(20, 3, 3)}, "live 3-", 0},
		"what is older is dropped":         {states{seen(10, 3, 3), missing(9)}, "live 3-", 0},
		"suspended after two looks":        {states{seen(10, 3, 3), seen(20, 3, 3), suspended(30)}, "live 3-20, gap 20- OTHER", 0},
		"changed between two looks":        {states{seen(10, 3, 3), seen(20, 3, 3), seen(30, 3, 15)}, "live 3-", 0},
		"missing from the first look":      {states{missing(10), missing(20)}, "gap 10- missing", 0},
		"made after a look":                {states{missing(10), seen(20, 15, 15)}, "gap 10-15 missing, live 15-", 1},
		"made while others listed":         {states{missing(10), seen(20, 21, 21), seen(30, 21, 21)}, "gap 10-21 missing, live 21-", 1},
		"expired and made again":           {states{seen(10, 3, 3), seen(20, 15, 15)}, "live 3-10, gap 10-15 expired, live 15-", 1},
		"deleted and made again":           {states{with(seen(10, 3, 3), func(n *coverage.SubscriptionState) { n.ExpireTime = at(60) }), seen(20, 15, 15)}, "live 3-10, gap 10-15 deleted, live 15-", 1},
		"expired on time":                  {states{with(seen(10, 3, 3), func(n *coverage.SubscriptionState) { n.ExpireTime = at(15) }), seen(20, 15, 15)}, "live 3-10, gap 10-15 expired, live 15-", 1},
		"made again, and mended":           {states{seen(10, 3, 3), seen(30, 15, 27)}, "live 3-10, gap 10-27 expired, live 27-", 1},
		"gone":                             {states{seen(10, 3, 3), missing(20), seen(30, 25, 25)}, "live 3-10, gap 10-25 missing, live 25-", 1},
		"suspended":                        {states{seen(10, 3, 3), suspended(20), suspended(30)}, "live 3-10, gap 10- OTHER", 0},
		"reactivated":                      {states{seen(10, 3, 3), suspended(20), seen(30, 3, 27)}, "live 3-10, gap 10-27 OTHER, live 27-", 1},
		"reactivated while others listed":  {states{seen(10, 3, 3), suspended(20), seen(30, 3, 31), seen(40, 3, 31)}, "live 3-10, gap 10-31 OTHER, live 31-", 1},
		"changed by somebody":              {states{seen(10, 3, 3), seen(20, 3, 15)}, "live 3-10, gap 10-15 changed, live 15-", 1},
		"changed before the first look":    {states{seen(40, 3, 27), seen(50, 3, 27)}, "gap 3-27 changed, live 27-", 1},
		"slow to be made":                  {states{seen(10, 3, 7), seen(20, 3, 7)}, "live 7-", 0},
		"renewed at the first look":        {states{with(seen(40, 3, 40), touched), seen(50, 3, 40)}, "live 3-", 0},
		"mended at once":                   {states{with(seen(10, 3, 7), func(n *coverage.SubscriptionState) { n.Lapse = "OTHER" })}, "gap 3-7 OTHER, live 7-", 1},
		"mended at the first look":         {states{with(seen(40, 3, 40), func(n *coverage.SubscriptionState) { n.Lapse = "OTHER" })}, "gap 3-40 OTHER, live 40-", 1},
		"changed by us":                    {states{seen(10, 3, 3), with(seen(20, 3, 15), touched), seen(30, 3, 15)}, "live 3-", 0},
		"suspended and mended in one pass": {states{seen(10, 3, 3), with(seen(20, 3, 20), func(n *coverage.SubscriptionState) { n.Lapse = "OTHER" })}, "live 3-10, gap 10-20 OTHER, live 20-", 1},
		"to another topic":                 {states{with(seen(10, 3, 3), elsewhere), seen(30, 25, 25)}, "gap 10-25 elsewhere, live 25-", 1},
		"others' isn't ours":               {states{foreign(seen(10, 3, 3))}, "", 0},
		"ours no more":                     {states{seen(10, 3, 3), foreign(seen(20, 3, 3)), foreign(seen(30, 3, 3))}, "live 3-10", 0},
		"ours again":                       {states{seen(10, 3, 3), foreign(seen(20, 3, 3)), seen(30, 3, 3)}, "live 3-10, live 10-", 0},
		"changed while not ours":           {states{seen(10, 3, 3), foreign(suspended(20)), foreign(seen(30, 3, 27)), seen(40, 3, 27)}, "live 3-10, gap 10-27 changed, live 27-", 1},
		"soon changed while not ours":      {states{seen(5, 3, 3), foreign(seen(8, 3, 3)), seen(40, 3, 11)}, "live 3-5, gap 5-11 changed, live 11-", 1},
		"mended once ours again":           {states{seen(10, 3, 3), foreign(suspended(20)), with(seen(40, 3, 40), func(n *coverage.SubscriptionState) { n.Lapse = "OTHER" })}, "live 3-10, gap 10-40 OTHER, live 40-", 1},
		"made again while not ours":        {states{seen(10, 3, 3), foreign(seen(30, 15, 15)), seen(40, 15, 15)}, "live 3-10, live 15-", 0},
		"a gap of what is ours no more":    {states{seen(5, 3, 3), suspended(20), foreign(suspended(30)), foreign(seen(40, 3, 35))}, "live 3-5, gap 5-20 OTHER", 1},
		"an older look at others'":         {states{seen(10, 3, 3), foreign(seen(9, 3, 3)), seen(20, 3, 3)}, "live 3-", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := env.Pool().Exec(t.Context(), `TRUNCATE keeper_passes, subscription_states, coverage, river_job`); err != nil {
				t.Fatal(err)
			}
			for _, n := range test.states {
				if err := env.Observe(t.Context(), n.ObservedAt, []coverage.SubscriptionState{n}); err != nil {
					t.Fatal(err)
				}
			}
			if got := coverageOf(t, env); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if jobs := storetest.Value[int](t, env, `SELECT count(*) FROM river_job WHERE kind LIKE '%backfill%'`); jobs != test.jobs {
				t.Errorf("got %d jobs to repair gaps, want %d", jobs, test.jobs)
			}
		})
	}
}

func TestUnwantedTargetsAreRetired(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	observe(t, env, 10, seen(10, 3, 3))
	observe(t, env, 9) // older than what is known
	if got := coverageOf(t, env); got != "live 3-" {
		t.Errorf("after an older look: got %q, want that it goes on", got)
	}
	observe(t, env, 20)
	observe(t, env, 15, seen(15, 3, 3)) // older, of what isn't known any more
	if got := coverageOf(t, env); got != "live 3-10" {
		t.Errorf("unwanted: got %q, want that it ended when it was last sure", got)
	}
	// It was there all the time; what is known of it isn't told twice.
	observe(t, env, 30, seen(30, 3, 3))
	observe(t, env, 40)
	if got, want := coverageOf(t, env), "live 3-10, live 10-30"; got != want {
		t.Errorf("wanted for a while: got %q, want %q", got, want)
	}
	observe(t, env, 50, missing(50))
	observe(t, env, 60)
	if got, want := coverageOf(t, env), "live 3-10, live 10-30, gap 50-50 missing"; got != want {
		t.Errorf("missing and unwanted: got %q, want %q", got, want)
	}
	// As is the last of all, which no pass is made for any more.
	observe(t, env, 70, seen(70, 3, 3))
	if err := env.Forget(t.Context(), at(80)); err != nil {
		t.Fatal(err)
	}
	if got, want := coverageOf(t, env), "live 3-10, live 10-30, gap 50-50 missing, live 50-70"; got != want {
		t.Errorf("forgotten: got %q, want %q", got, want)
	}
	if n := storetest.Value[int](t, env, `SELECT (SELECT count(*) FROM subscription_states) + (SELECT count(first_expiry) + count(states) FROM keeper_passes)`); n != 0 {
		t.Errorf("%d states are left, want none", n)
	}
}

// More than one statement's worth, and every field.
func TestObserveKeepsEveryField(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	var want []coverage.SubscriptionState
	for i := range 2100 {
		n := coverage.SubscriptionState{Target: fmt.Sprintf("//chat.googleapis.com/spaces/%05d", i), Scope: fmt.Sprintf("spaces/%05d", i), ObservedAt: at(i)}
		switch i % 3 {
		case 0: // nothing else is known
			n.EventTypes = []string{}
		case 1:
			n.EventTypes, n.State, n.ConfirmedAt, n.Managed = []string{"a"}, "ACTIVE", at(i), true
		case 2:
			n = coverage.SubscriptionState{
				Target: n.Target, Scope: n.Scope, Name: "subscriptions/s", UID: "u", State: "SUSPENDED", Reason: "OTHER", Remedy: "{do}, 'this'",
				Error: `"x",\`, EventTypes: []string{"a", fmt.Sprint(i)}, Managed: true, Parked: true, IncludeResource: true,
				CreateTime: at(1), UpdateTime: at(2), ExpireTime: at(3), GrantedAt: at(4), NextTry: at(5), Tries: 6, ObservedAt: at(i),
			}
		}
		want = append(want, n)
	}
	for _, pass := range []int{0, 5000} { // inserts, then updates
		if err := env.Observe(t.Context(), at(pass), want); err != nil {
			t.Fatal(err)
		}
		got, err := env.SubscriptionStates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("states (-want +got):\n%.3000s", diff)
		}
		for i := range want {
			want[i].ObservedAt = at(5000 + i)
			want[i].Tries++
			if want[i].State == "ACTIVE" {
				want[i].ConfirmedAt = want[i].ObservedAt
			}
		}
	}
}

// It is known until when it delivered, whatever came after.
func TestConfirmedAtStays(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	for _, n := range []coverage.SubscriptionState{
		seen(10, 3, 3), suspended(20), with(seen(30, 25, 25), func(n *coverage.SubscriptionState) { n.Elsewhere = true }), missing(40),
	} {
		if err := env.Observe(t.Context(), n.ObservedAt, []coverage.SubscriptionState{n}); err != nil {
			t.Fatal(err)
		}
		got, err := env.SubscriptionStates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !got[0].ConfirmedAt.Equal(at(10)) {
			t.Errorf("got %+v, want that it was last sure at 10 s", got)
		}
	}
}

// Passes of several replicas end at once; the newest look stays.
func TestObserveAtOnce(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			n := seen(10+i, 3, 3)
			if err := env.Observe(t.Context(), n.ObservedAt, []coverage.SubscriptionState{n}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := coverageOf(t, env); got != "live 3-" {
		t.Errorf("got %q, want one live interval", got)
	}
	if got := storetest.Value[time.Time](t, env, `SELECT to_time FROM coverage_intervals`); !got.Equal(at(29)) {
		t.Errorf("confirmed until %s, want the newest look", got)
	}
}

// What a pass finds as it was stays untouched in the database, which tells all the
// same that it was so again; what has changed is written in its place.
func TestUnchangedStatesAreNotWritten(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	const n = 400
	all := func(observed int) (states []coverage.SubscriptionState) {
		for i := range n {
			s := seen(observed, 3, 3)
			s.Target, s.Scope = fmt.Sprintf("//chat.googleapis.com/spaces/%04d", i), fmt.Sprintf("spaces/%04d", i)
			s.GrantedAt, s.ExpireTime, s.NextTry = s.CreateTime.Add(7), at(7200).Add(7), at(50).Add(7) // finer than the database
			if i%4 == 0 {
				s.State, s.Reason, s.Error, s.Tries = "SUSPENDED", "OTHER", "it can't be mended", 3
			}
			states = append(states, s)
		}
		return states
	}
	versions := func() []string {
		return column(t, env, `SELECT format('%s %s %s', target, xmin, xmax) FROM subscription_states ORDER BY target`)
	}
	observe(t, env, 10, all(10)...)
	before := versions()
	observe(t, env, 20, all(20)...)
	if diff := gocmp.Diff(before, versions()); diff != "" {
		t.Errorf("rows of a second look (-before +after):\n%s", diff)
	}
	got, err := env.SubscriptionStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got {
		if want := i%4 != 0; !s.ObservedAt.Equal(at(20)) || s.ConfirmedAt.Equal(at(20)) != want {
			t.Errorf("%s: seen at %s, sure until %s, want 20 s, and that too unless it is suspended", s.Scope, s.ObservedAt, s.ConfirmedAt)
		}
	}
	if diff := gocmp.Diff([]string{"300 100 0 7200"}, column(t, env, `
		SELECT concat_ws(' ', states->'active', states->'suspended', states->'foreign', extract(epoch FROM first_expiry - $1)::integer)
		FROM keeper_passes`, epoch)); diff != "" {
		t.Errorf("what is known of all (-want +got):\n%s", diff)
	}
	ends := column(t, env, `SELECT DISTINCT source || ' ' || extract(epoch FROM to_time - $1)::integer FROM coverage_intervals WHERE source = 'live'`, epoch)
	if diff := gocmp.Diff([]string{"live 20"}, ends); diff != "" {
		t.Errorf("ends of what goes on (-want +got):\n%s", diff)
	}

	renewed := all(30)
	for i := range renewed {
		renewed[i].UpdateTime, renewed[i].ExpireTime, renewed[i].Touched = at(30), at(9000), true
	}
	observe(t, env, 30, renewed...)
	requested := column(t, env, `SELECT space FROM member_lists`)
	for _, space := range requested {
		if err := env.MembersListed(t.Context(), space, at(40)); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Value[any](t, env, `SELECT pg_stat_force_next_flush()::text`)
	updated := column(t, env, `
		SELECT concat_ws(' ', relname, n_tup_upd, n_tup_hot_upd)
		FROM pg_stat_user_tables
		WHERE relname IN ('member_lists', 'subscription_states')
		ORDER BY relname`)
	want := []string{fmt.Sprintf("member_lists %d %[1]d", len(requested)), fmt.Sprintf("subscription_states %d %[1]d", n)}
	if diff := gocmp.Diff(want, updated); diff != "" || len(requested) != n*3/4 {
		t.Errorf("updates of all, and in place (-want +got):\n%s", diff)
	}
}
