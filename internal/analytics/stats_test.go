package analytics

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	rollups "github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// newStats is a database with 40 days of messages in two spaces, of which the first was
// watched, but for a gap of two days, and the other wasn't.
func newStats(t *testing.T) (env *storetest.Env, today time.Time) {
	t.Helper()
	env = storetest.New(t, storetest.Options{Timeout: time.Minute})
	now := time.Now().UTC()
	today = now.Truncate(24 * time.Hour)
	begin := today.AddDate(0, 0, -40)
	for i, space := range []string{"spaces/A", "spaces/B"} {
		storetest.Record(t, env, storetest.Interaction(space, begin, "users/1", "Ann", space, []string{"Team News", "Ops"}[i]))
	}
	if _, err := env.Pool().Exec(t.Context(), `
		INSERT INTO coverage (scope, source, from_time, to_time, cause, repair) VALUES
			('spaces/A', 'live', $1, $2, NULL, NULL), ('spaces/A', 'gap', $2, $3, 'expired', 'impossible'), ('spaces/A', 'live', $3, $4, NULL, NULL)`,
		begin, today.AddDate(0, 0, -10), today.AddDate(0, 0, -8), now); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Pool().Exec(t.Context(), `UPDATE spaces SET threading_state = 'THREADED_MESSAGES'`); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var list []events.Delivery
	for day := begin; day.Before(today); day = day.AddDate(0, 0, 1) {
		if day.Equal(today.AddDate(0, 0, -10)) || day.Equal(today.AddDate(0, 0, -9)) {
			continue // the gap
		}
		for n := range 1 + r.IntN(4) {
			at := day.Add(time.Duration(r.IntN(86000)) * time.Second)
			space := []string{"spaces/A", "spaces/B"}[n%2]
			id := fmt.Sprint(day.Format("0102"), "-", n)
			message := fmt.Sprint(space, "/messages/", id)
			user := fmt.Sprint("users/", 1+r.IntN(5))
			list = append(list, storetest.Live(id, at, storetest.Message(events.VerbCreated, message, user, "x", at, at)),
				storetest.Live(id+"r", at, storetest.Reaction(events.VerbCreated, message, "users/9", "👍")))
		}
	}
	storetest.Record(t, env, list...)
	roll(t, env)
	return env, today
}

// roll brings the rollups up to date.
func roll(t *testing.T, env *storetest.Env) {
	t.Helper()
	passes := rollups.New(env.Store)
	for {
		worked, err := passes.Pass(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !worked {
			return
		}
	}
}

// The numbers are those of the window, and of the one before, and nothing is left out.
func TestStats(t *testing.T) {
	t.Parallel()
	env, today := newStats(t)
	r, err := Stats(t.Context(), env.Store, Question{Days: 14})
	if err != nil {
		t.Fatal(err)
	}
	since := today.AddDate(0, 0, -14)
	if r.Since != since.Format(time.DateOnly) || r.Until != today.Format(time.DateOnly) || len(r.Days) != 14 || r.Unended {
		t.Errorf("the window is %s to %s, %d days", r.Since, r.Until, len(r.Days))
	}
	messages := r.find("messages")
	const count = `SELECT count(*)::float8 FROM analytics.fct_messages WHERE activity_date >= $1 AND activity_date < $2`
	now, before := storetest.Value[float64](t, env, count, since, today), storetest.Value[float64](t, env, count, since.AddDate(0, 0, -14), since)
	if float64(messages.Value) != now || float64(messages.Before) != before || float64(messages.Change) != now-before {
		t.Errorf("messages %v, before %v, change %v; want %v and %v", messages.Value, messages.Before, messages.Change, now, before)
	}
	var total float64
	for i, v := range messages.Series {
		if gap := i == 4 || i == 5; gap == v.known() {
			t.Errorf("messages of %s are %v", r.Days[i], v)
		} else if !gap {
			total += float64(v)
		}
	}
	if total != now {
		t.Errorf("the days have %v messages, the window %v", total, now)
	}
	if n := r.find("messages"); n.Verdict != "" {
		t.Errorf("more messages are %s", n.Verdict)
	}
	// What threads of the newest days come to is not known yet; as many days are compared.
	covered, open := r.find("reply_coverage"), r.find("unanswered")
	if last := open.Series[13]; last.known() || !open.Series[12].known() || covered.Series[7].known() || !covered.Series[6].known() {
		t.Errorf("by day, reply_coverage is %v and unanswered %v", covered.Series, open.Series)
	}
	want := storetest.Value[float64](t, env, `
		SELECT sum(roots - answered)::float8
		FROM analytics.agg_response_daily
		WHERE space_id = 'all' AND activity_date >= $1 AND activity_date < $2`, since.AddDate(0, 0, -14), since.AddDate(0, 0, -1))
	if float64(open.Before) != want {
		t.Errorf("unanswered before is %v, want %v", open.Before, want)
	}
	if r, err := Stats(t.Context(), env.Store, Question{Days: 28}); err != nil || r.find("quarantined").Verdict != "" || r.find("dau").Verdict != "" {
		t.Errorf("%v: against days before anything was recorded, dau is %+v", err, r.find("dau"))
	}
	defined := storetest.Column(t, env, `SELECT metric FROM analytics.metric_definitions WHERE needs NOT LIKE '%not in metrics()%'`)
	if len(r.Numbers) != len(defined) {
		t.Errorf("%d numbers of %d metrics", len(r.Numbers), len(defined))
	}
	series := storetest.Column(t, env, `SELECT metric FROM analytics.metric_definitions WHERE has_series`)
	for _, metric := range series {
		if n := r.find(metric); len(n.Series) != 0 && len(n.Series) != 14 {
			t.Errorf("%s has a series of %d days", metric, len(n.Series))
		}
	}
}

func TestStatsOfSpace(t *testing.T) {
	t.Parallel()
	env, today := newStats(t)
	of := func(space string) Report {
		r, err := Stats(t.Context(), env.Store, Question{Space: space, Since: today.AddDate(0, 0, -12)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b := of("spaces/A"), of("spaces/B")
	if a.SpaceName != "Team News" || len(a.Days) != 12 {
		t.Errorf("%s, %d days", a.SpaceName, len(a.Days))
	}
	if n := a.find("coverage"); n.Value < .8 || n.Value > .9 || n.Series[2] != 0 || n.Series[0] != 1 {
		t.Errorf("coverage is %v: %v", n.Value, n.Series)
	}
	// Where nobody watched, what was before is unknown.
	if n := b.find("messages"); n.Before.known() || n.Change.known() {
		t.Errorf("before it was %v, which nobody knows", n.Before)
	}
}

// Before anything is recorded, and on the first day, it says so.
func TestStatsOfNothing(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	if _, err := Stats(t.Context(), env.Store, Question{Days: 28}); err == nil || !strings.HasPrefix(err.Error(), "nothing is recorded so far") {
		t.Errorf("an empty database: %v", err)
	}
	now := time.Now()
	storetest.Record(t, env, storetest.Live("e", now, storetest.Message(events.VerbCreated, "spaces/S/messages/M", "users/U", "x", now, now)))
	for _, behind := range []bool{true, false} {
		var messages strings.Builder
		e := &cli.Env{Out: io.Discard, Err: &messages, Format: cli.Table}
		err := PrintStats(t.Context(), e, env.Store, Question{Days: 7}, Options{})
		if told := strings.HasPrefix(messages.String(), "numbers lack what was recorded lately"); err != nil || told != behind {
			t.Errorf("%v, it says %q", err, messages.String())
		}
		roll(t, env)
	}
	r, err := Stats(t.Context(), env.Store, Question{Days: 7})
	if err != nil || !r.Unended || len(r.Days) != 7 || r.find("messages").Value != 1 {
		t.Errorf("the first day: %v, %d days to %s, %v messages", err, len(r.Days), r.Until, r.find("messages").Value)
	}
	for want, q := range map[string]Question{
		"--since: want at most 3660 days":                  {Days: 5000},
		"--since 2999-01-01: want a day before " + r.Until: {Since: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := Stats(t.Context(), env.Store, q); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", q, err, want)
		}
	}
}

// Each plot is a file of its own, with the gap shaded.
func TestSavePictures(t *testing.T) {
	t.Parallel()
	env, today := newStats(t)
	dir := filepath.Join(t.TempDir(), "plots")
	var out, messages strings.Builder
	e := &cli.Env{Out: &out, Err: &messages, Format: cli.Table}
	if err := PrintStats(t.Context(), e, env.Store, Question{Space: "team news", Days: 28}, Options{Pictures: dir}); err != nil {
		t.Fatal(err)
	}
	if messages.String() != "6 plots in "+dir+"\n" || !strings.HasPrefix(out.String(), "Team News (spaces/A), 28 days from ") {
		t.Errorf("it says %q and\n%s", messages.String(), out.String())
	}
	gap := today.AddDate(0, 0, -10).Format(time.DateOnly) + " to " + today.AddDate(0, 0, -9).Format(time.DateOnly)
	for _, name := range []string{"people-active", "messages", "joins-and-leaves", "first-response", "heatmap", "retention"} {
		text, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if at, err := os.Stat(filepath.Join(dir, name+".svg")); err == nil && at.Mode().Perm()&0o077 == 0 && runtime.GOOS != "windows" {
			t.Errorf("%s can be read by nobody else: %s", name, at.Mode())
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for decoder := xml.NewDecoder(strings.NewReader(string(text))); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if shaded := strings.Contains(string(text), gap); (name == "messages") && !shaded {
			t.Errorf("%s shades no gap from %s:\n%s", name, gap, text)
		}
	}
}
