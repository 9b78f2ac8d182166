package coverage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// newWatched has the space S live from second 0, confirmed up to 1000.
func newWatched(t *testing.T) *storetest.Env {
	t.Helper()
	s := storetest.New(t, storetest.Options{Now: clock})
	observe(t, s, 10, seen(10, 0, 0))
	observe(t, s, 1000, seen(1000, 0, 0))
	return s
}

func openGap(t *testing.T, s *storetest.Env, from, to int) {
	t.Helper()
	if err := s.OpenGap(t.Context(), "spaces/S", at(from), at(to), coverage.CauseSilentLoss); err != nil {
		t.Fatal(err)
	}
}

func wantCoverage(t *testing.T, s *storetest.Env, want string) {
	t.Helper()
	if diff := cmp.Diff(want, coverageOf(t, s)); diff != "" {
		t.Errorf("coverage (-want +got):\n%s", diff)
	}
}

// repairs counts the jobs that ask for a gap's repair.
func repairs(t *testing.T, s *storetest.Env) int {
	t.Helper()
	return storetest.Value[int](t, s, `SELECT count(DISTINCT args->>'gap') FROM river_job WHERE kind = 'backfill'`)
}

// A gap takes away from what counted as covered, and nothing else.
func TestOpenGap(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	openGap(t, s, 100, 200)
	wantCoverage(t, s, "live 0-100, gap 100-200 silent_loss, live 200-")
	openGap(t, s, 100, 200)
	wantCoverage(t, s, "live 0-100, gap 100-200 silent_loss, live 200-")
	if n := repairs(t, s); n != 1 {
		t.Errorf("%d repairs are asked for, want 1", n)
	}
	openGap(t, s, 150, 300) // what is one already stays
	wantCoverage(t, s, "live 0-100, gap 100-200 silent_loss, gap 200-300 silent_loss, live 300-")
	openGap(t, s, -100, 50) // nothing is known of the time before
	wantCoverage(t, s, "gap 0-50 silent_loss, live 50-100, gap 100-200 silent_loss, gap 200-300 silent_loss, live 300-")
	if n := repairs(t, s); n != 3 {
		t.Errorf("%d repairs are asked for, want 3", n)
	}
}

func TestGapIsRepaired(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	openGap(t, s, 100, 200)
	gap := storetest.Value[int64](t, s, `SELECT id FROM coverage WHERE source = 'gap'`)
	if err := s.GapRepaired(t.Context(), gap, at(-1000), 7); err != nil {
		t.Fatal(err)
	}
	wantCoverage(t, s, "live 0-100, backfill 100-200 silent_loss, live 200-")
	if n := storetest.Value[int](t, s, `SELECT events FROM coverage WHERE id = $1`, gap); n != 7 {
		t.Errorf("got %d events, want 7", n)
	}
	if err := s.GapRepaired(t.Context(), gap, at(-1000), 7); !errors.Is(err, coverage.ErrNoGap) {
		t.Errorf("got %v, want that there is no such gap", err)
	}
	if _, err := s.Gap(t.Context(), gap); !errors.Is(err, coverage.ErrNoGap) {
		t.Errorf("got %v, want that there is no such gap", err)
	}
}

// What is too old stays a gap, and says why.
func TestGapIsRepairedInPart(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	openGap(t, s, 100, 200)
	gap := storetest.Value[int64](t, s, `SELECT id FROM coverage WHERE source = 'gap'`)
	if err := s.GapRepaired(t.Context(), gap, at(130), 7); err != nil {
		t.Fatal(err)
	}
	wantCoverage(t, s, "live 0-100, gap 100-130 silent_loss, backfill 130-200 silent_loss, live 200-")
	gaps, err := s.Gaps(t.Context())
	if err != nil || len(gaps) != 1 {
		t.Fatalf("got gaps %+v, %v", gaps, err)
	}
	gaps[0].ID = 0
	want := coverage.Gap{
		Scope: "spaces/S", From: at(100), To: at(130), Cause: coverage.CauseSilentLoss,
		State: coverage.GapImpossible, Detail: coverage.ReasonTooOld,
	}
	if diff := cmp.Diff(want, gaps[0]); diff != "" {
		t.Errorf("the gap that is left (-want +got):\n%s", diff)
	}
}

// A gap that goes on can be neither closed nor given up.
func TestOpenGapStays(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	observe(t, s, 1100, missing(1100))
	gap := storetest.Value[int64](t, s, `SELECT id FROM coverage WHERE source = 'gap'`)
	if g, err := s.Gap(t.Context(), gap); err != nil || g.State != coverage.GapOpen || !g.To.IsZero() {
		t.Errorf("got %+v, %v, want an open gap", g, err)
	}
	if err := s.GapRepaired(t.Context(), gap, at(0), 0); !errors.Is(err, coverage.ErrNoGap) {
		t.Errorf("repaired: got %v", err)
	}
	if err := s.GapImpossible(t.Context(), gap, "because"); !errors.Is(err, coverage.ErrNoGap) {
		t.Errorf("given up: got %v", err)
	}
	wantCoverage(t, s, "live 0-1000, gap 1000- missing")
	openGap(t, s, 100, 200)
	gaps, err := s.Gaps(t.Context())
	if err != nil || len(gaps) != 2 || gaps[0].State != coverage.GapPending || gaps[1].State != coverage.GapOpen {
		t.Errorf("gaps: %+v, %v, want one that is pending, and one that is open", gaps, err)
	}
}

func TestGapIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	openGap(t, s, 100, 200)
	gap := storetest.Value[int64](t, s, `SELECT id FROM coverage WHERE source = 'gap'`)
	if err := s.GapImpossible(t.Context(), gap, "the app is not in the space"); err != nil {
		t.Fatal(err)
	}
	g, err := s.Gap(t.Context(), gap)
	if err != nil || g.State != coverage.GapImpossible || g.Detail != "the app is not in the space" {
		t.Errorf("got %+v, %v", g, err)
	}
	// What a person knows of raises no alarm any more.
	for _, want := range []string{coverage.GapImpossible, coverage.GapAcknowledged} {
		if g, err := s.Gap(t.Context(), gap); err != nil || g.State != want {
			t.Errorf("the gap is %+v, %v, want it %s", g, err, want)
		}
		if err := s.AcknowledgeGap(t.Context(), gap, "we know"); err != nil {
			t.Fatal(err)
		}
	}
	// A person has mended it and fetched everything by hand.
	if err := s.Backfilled(t.Context(), "spaces/S", at(50), at(300)); err != nil {
		t.Fatal(err)
	}
	wantCoverage(t, s, "live 0-100, backfill 100-200 silent_loss, live 200-")
}

func TestBackfilled(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	if err := s.Backfilled(t.Context(), "spaces/S", at(-500), at(900)); err != nil {
		t.Fatal(err)
	}
	wantCoverage(t, s, "backfill -500-0 missing, live 0-")
	openGap(t, s, 100, 200)
	if err := s.Backfilled(t.Context(), "spaces/S", at(150), at(900)); err != nil {
		t.Fatal(err)
	}
	wantCoverage(t, s, "backfill -500-0 missing, live 0-100, gap 100-200 silent_loss, live 200-")
	// The keeper hasn't looked yet: it will know since when it is watched.
	if err := s.Backfilled(t.Context(), "spaces/T", at(-500), at(900)); err != nil {
		t.Fatal(err)
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM coverage WHERE scope = 'spaces/T'`); n != 0 {
		t.Errorf("got %d intervals of a space that nobody watches", n)
	}
}

// While no worker was there for longer than Pub/Sub keeps messages, what was
// published first is lost.
func TestWorkerOutage(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	beat := func(second int) {
		t.Helper()
		if err := s.Heartbeat(t.Context(), at(second), 300*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	beat(100)
	beat(400) // all of it is still there
	wantCoverage(t, s, "live 0-")
	beat(900)
	wantCoverage(t, s, "live 0-400, gap 400-600 worker_outage, live 600-")
	beat(850) // another replica, whose clock is behind
	beat(1000)
	wantCoverage(t, s, "live 0-400, gap 400-600 worker_outage, live 600-")
	if n := repairs(t, s); n != 1 {
		t.Errorf("%d repairs are asked for, want 1", n)
	}
}

// A copy lacks what was recorded after it was made, and acked: nobody publishes it
// again. What the database was copied from doesn't matter, nor whether a server
// tells.
func TestRestoredCopy(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	var known string
	for _, step := range []struct {
		second int
		before string // what the database was known as
		want   string
	}{
		{second: 100, want: "live 0-"},
		{160, `NULL`, "live 0-"}, // nobody has told yet
		{220, `'another'`, "live 0-160, gap 160-220 restored, live 220-"},
		{280, "", "live 0-160, gap 160-220 restored, live 220-"},
	} {
		if step.before != "" {
			if _, err := s.Pool().Exec(t.Context(), `UPDATE worker_heartbeats SET database_id = `+step.before); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Heartbeat(t.Context(), at(step.second), 300*time.Second); err != nil {
			t.Fatal(err)
		}
		wantCoverage(t, s, step.want)
		id := storetest.Value[string](t, s, `SELECT database_id FROM worker_heartbeats`)
		if known == "" {
			known = id
		}
		if id != known || len(id) < 20 {
			t.Errorf("at %d s the database is %q, want %q", step.second, id, known)
		}
	}
	if n := repairs(t, s); n != 1 {
		t.Errorf("%d repairs are asked for, want 1", n)
	}
}

// The heartbeat of a replica that comes late, or whose clock is behind, takes
// nothing back: it would make a gap of what was received.
func TestHeartbeatsGoForward(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	for _, second := range []int{900, 550, 1000} {
		if err := s.Heartbeat(t.Context(), at(second), 300*time.Second); err != nil {
			t.Fatal(err)
		}
		if got, err := s.LastHeartbeat(t.Context()); err != nil || !got.Equal(at(max(second, 900))) {
			t.Errorf("after a heartbeat of %d s the last is of %s, %v, want the latest", second, got.Sub(epoch), err)
		}
	}
	wantCoverage(t, s, "live 0-")
}

func TestBackfillIsTakenUp(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	begin := func(from, to int, gap int64) coverage.Backfill {
		t.Helper()
		b, err := s.BeginBackfill(t.Context(), "spaces/S", at(from), at(to), gap)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := begin(0, 100, 0)
	first.Cursor, first.Seen, first.Recorded = at(60), 6, 5
	if err := s.AdvanceBackfill(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, begin(0, 100, 0)); diff != "" {
		t.Errorf("the same again (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first, begin(10, 110, 0)); diff != "" {
		t.Errorf("a little later (-want +got):\n%s", diff)
	}
	if b := begin(-10, 100, 0); b.ID == first.ID || b.Cursor != at(-10) {
		t.Errorf("one that begins earlier took up %+v", b)
	}
	repair := begin(0, 100, 7)
	if repair.ID == first.ID || repair.Done {
		t.Errorf("the repair of a gap took up %+v", repair)
	}
	if err := s.EndBackfill(t.Context(), repair.ID, ""); err != nil {
		t.Fatal(err)
	}
	if b := begin(0, 100, 7); !b.Done || b.ID != repair.ID {
		t.Errorf("got %+v, want that it is done", b)
	}
	if err := s.EndBackfill(t.Context(), first.ID, ""); err != nil {
		t.Fatal(err)
	}
	if b := begin(10, 120, 0); b.ID == first.ID {
		t.Errorf("what has ended was taken up: %+v", b)
	}
}

// A gap whose job is gone, however that came about, is asked for again, and one
// that has a job isn't.
func TestLostRepairsAreRequestedAgain(t *testing.T) {
	t.Parallel()
	s := newWatched(t)
	openGap(t, s, 100, 200)
	openGap(t, s, 300, 400)
	openGap(t, s, 500, 600)
	gaps := column(t, s, `SELECT id::text FROM coverage WHERE repair = 'pending' ORDER BY from_time`)
	for _, sql := range []string{
		`DELETE FROM river_job WHERE args->>'gap' = '` + gaps[0] + `'`,
		`UPDATE river_job SET state = 'discarded', finalized_at = now() WHERE args->>'gap' = '` + gaps[1] + `'`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{2, 0} {
		if lost, err := s.RequestLostRepairs(t.Context()); err != nil || lost != want {
			t.Errorf("round %d: %d repairs were lost, %v, want %d", i, lost, err, want)
		}
		waiting := column(t, s, `SELECT args->>'gap' FROM river_job WHERE kind = 'backfill' AND finalized_at IS NULL ORDER BY args->>'gap'`)
		if diff := cmp.Diff(gaps, waiting); diff != "" {
			t.Errorf("round %d: gaps that have a job (-want +got):\n%s", i, diff)
		}
	}
}

func TestLastHeartbeat(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	if got, err := s.LastHeartbeat(t.Context()); err != nil || !got.IsZero() {
		t.Errorf("got %s, %v, want none", got, err)
	}
	if err := s.Heartbeat(t.Context(), epoch, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, err := s.LastHeartbeat(t.Context()); err != nil || !got.Equal(epoch) {
		t.Errorf("got %s, %v, want %s", got, err, epoch)
	}
}
