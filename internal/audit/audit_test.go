package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	diffs "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

var update = flag.Bool("update", false, "rewrite docs/audit-actions.md")

const (
	space = storetest.Space
	ann   = storetest.Ann
	root  = space + "/messages/T.T"
)

func at(seconds int) time.Time { return storetest.At(seconds) }

func exec(t *testing.T, s *storetest.Env, sql string, args ...any) {
	t.Helper()
	if _, err := s.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// call runs a command of the auditor's, and returns what it prints on standard output, and its error.
func call(t *testing.T, s *storetest.Env, args ...string) (stdout string, err error) {
	t.Helper()
	return callRoot(t, s, NewCommand, args...)
}

func callRoot(t *testing.T, s *storetest.Env, root func(*cli.Env, Open) *cobra.Command, args ...string) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	env := &cli.Env{Out: &out, Err: io.Discard}
	cmd := root(env, func(_ context.Context, _ config.Need, use func(*store.Store) error) error { return use(s.Store) })
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// all are the records of the view, newest first.
func all(t *testing.T, s *storetest.Env) []query.Record {
	t.Helper()
	rows, _ := s.Pool().Query(t.Context(), strings.Join([]string{"SELECT", columns, "FROM analytics.audit_log ORDER BY occurred_at DESC, record_id DESC"}, " "))
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[query.Record])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// tell records a story in which each action happens at least once.
func tell(t *testing.T, s *storetest.Env) {
	t.Helper()
	said := func(id string, verb events.Verb, seconds int, text string, edited time.Time) events.Delivery {
		return storetest.Live(id, at(seconds), storetest.Message(verb, root, ann, text, at(10), edited))
	}
	removed := storetest.Message(events.VerbDeleted, root, "", "", at(10), time.Time{})
	removed.Message.DeletionType = "SPACE_OWNER_VIA_APP"
	list := []events.Delivery{
		storetest.Live("space", at(0), storetest.Renamed(space, "Sails", "SPACE")),
		storetest.Interaction("known", at(1), ann, "Ann", space, "Sails"),
		said("m1", events.VerbCreated, 10, "hello", time.Time{}),
		said("m2", events.VerbUpdated, 20, "hello\nworld", at(20)),
		storetest.Live("r1", at(30), storetest.Reaction(events.VerbCreated, root, ann, "👍")),
		storetest.Live("r2", at(31), storetest.Reaction(events.VerbDeleted, root, ann, "👍")),
		storetest.Live("m3", at(40), removed),
		storetest.Live("renamed", at(50), storetest.Renamed(space, "Sailors", "SPACE")),
		storetest.Live("other", at(51), storetest.Renamed("spaces/D", "Docks", "SPACE")),
		storetest.Live("end", at(52), events.Item{Kind: events.KindSpace, Verb: events.VerbDeleted, Resource: "spaces/D", Space: "spaces/D"}),
	}
	for i, who := range []string{ann, "groups/G"} {
		member := func(seconds int, verb events.Verb, state events.MembershipState, role string) {
			it := storetest.Membership(verb, space, ann, state)
			if i > 0 {
				it = storetest.Membership(verb, space, "users/group-G", state)
				it.Membership.Group, it.Membership.Member, it.Actor = who, events.User{}, ""
			}
			if state == events.MembershipJoined {
				it.Membership.Role = role
			}
			list = append(list, storetest.Live(fmt.Sprint("j", i, seconds), at(100*(i+1)+seconds), it))
		}
		member(0, events.VerbCreated, events.MembershipInvited, "")
		member(1, events.VerbUpdated, events.MembershipJoined, "ROLE_MEMBER")
		member(2, events.VerbUpdated, events.MembershipJoined, "ROLE_MANAGER")
		member(3, events.VerbUpdated, events.MembershipJoined, "ROLE_MANAGER")
		member(4, events.VerbDeleted, "", "")
	}
	for i, verb := range []events.Verb{events.VerbSuspended, events.VerbExpirationReminder, events.VerbExpired} {
		d := storetest.Live("s"+string(verb), at(300+i), events.Item{
			Kind: events.KindSubscription, Verb: verb, Resource: "subscriptions/s1", Subscription: &events.Subscription{Name: "subscriptions/s1"},
		})
		d.Event.ID, d.Event.Type = string(verb), events.LifecyclePrefix+string(verb)
		list = append(list, d)
	}
	storetest.Record(t, s, list...)
	if _, err := s.Reconcile(t.Context(), memberships.Listing{Space: space, AsOf: at(320), Members: []memberships.Member{
		{Membership: space + "/members/old", Name: "users/old", Type: events.UserHuman, State: events.MembershipJoined, DisplayName: "Old"},
		{Membership: space + "/members/group-H", Name: "groups/H", State: events.MembershipJoined},
	}}); err != nil {
		t.Fatal(err)
	}
	exec(t, s, `INSERT INTO coverage (from_time, to_time, created_at, repaired_at, events, scope, source, cause) VALUES ($1, $2, $1, $3, 7, 'spaces/S', 'backfill', 'expired')`,
		at(400), at(500), at(510))
	exec(t, s, `INSERT INTO coverage (from_time, to_time, created_at, acknowledged_at, acknowledgement, scope, source, cause, repair)
		VALUES ($1, $2, $1, $3, 'nobody wrote', 'customers/C', 'gap', 'deleted', 'impossible')`, at(401), at(501), at(511))
	for i, outcome := range []string{"sent", "failed", "unclear", "left"} {
		exec(t, s, `INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, space, member, trigger, hash)
			VALUES ($1, $1, $2, $3, 'welcome', $3, 'spaces/S', 'users/ann', 'member.joined', '')`, at(101), at(600+i), outcome)
	}
	act(t, s)
}

// act records each action of the trail. Who it was, when, and the key are the same each time.
func act(t *testing.T, s *storetest.Env) {
	t.Helper()
	targets := map[string]string{"erasure": "users/old", "reactor": "welcome", "policy": "content", "archive": "2026-08"}
	details := map[string]map[string]any{
		"access": {"query": "actor:users/old", "records": 3}, "export": {"query": "actor:users/old", "format": "csv"}, "policy": {"from": "full", "to": "metadata"},
		"archive": {"events": 81234, "manifest": "5f0c3d6e0b2a8f6f4d1c9f5a7b3e2d1c0f9e8d7c6b5a493827161504f3e2d1c0"},
	}
	for i, a := range query.Actions() {
		if a.ToldBy[0] != "trail" {
			continue
		}
		if err := trail.Commit(t.Context(), s.Store, trail.Action{
			Name: a.Name, Operator: "maria", Target: targets[a.Category], Reason: "case 7", Details: details[a.Category],
		}); err != nil {
			t.Fatal(err)
		}
		exec(t, s, `UPDATE trail SET at = $1, action_key = md5(action)::uuid, role_name = 'auditor' WHERE action = $2`, at(700+i), a.Name)
	}
	err := pgx.BeginTxFunc(t.Context(), s.Pool(), pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return trail.Record(t.Context(), tx, trail.Action{Name: "access.raw_viewed"})
	})
	if err == nil || !strings.Contains(err.Error(), "record access.raw_viewed in the trail, without which it isn't done: this database takes no writes") {
		t.Errorf("where nothing can be written: %v", err)
	}
}

// Each action of the list happens, nothing else does, and docs/audit-actions.md shows
// what the record of each is like.
func TestActions(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: func() time.Time { return at(1000) }})
	tell(t, s)
	records := all(t, s)
	hide(records)
	slices.Reverse(records)
	var page strings.Builder
	page.WriteString("# Actions of the audit log\n\nEach with a record of it, as `subscriber audit search -o jsonl` prints it, over several lines and without what is null.\n" +
		"Generated: `go test ./internal/audit -run TestActions -update`. How to search: [audit.md](audit.md).\n")
	for _, a := range query.Actions() {
		i := slices.IndexFunc(records, func(r query.Record) bool {
			return r.Action == a.Name && (a.Name != "space.updated" || len(r.Changed) > 0)
		})
		if i < 0 {
			t.Errorf("%s does not happen", a.Name)
			continue
		}
		fmt.Fprintf(&page, "\n`%s`: %s\n\n```json\n%s\n```\n", a.Name, a.Meaning, example(t, records[i]))
	}
	for _, r := range records {
		i := slices.IndexFunc(query.Actions(), func(a query.Action) bool { return a.Name == r.Action })
		if i < 0 || query.Actions()[i].Category != r.Category || !slices.Contains(query.Actions()[i].ToldBy, r.ToldBy) {
			t.Errorf("%s, %s, told by %s is not in the list", r.Action, r.Category, r.ToldBy)
		}
	}
	const file = "../../docs/audit-actions.md"
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffs.Diff(page.String(), string(got)); diff != "" {
		t.Errorf("%s is not current; -update rewrites it (-want +got):\n%s", file, diff)
	}
	t.Run("person", func(t *testing.T) { testPerson(t, s) })
	t.Run("show", func(t *testing.T) { testShow(t, s) })
	t.Run("follow", func(t *testing.T) { testFollow(t, s) })
}

// example is a record as JSON that fits on a page.
func example(t *testing.T, r query.Record) string {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var lines []string
	line := ""
	for name := range strings.FieldsFuncSeq(columns, func(r rune) bool { return strings.ContainsRune(", \n\t", r) }) {
		value := string(fields[name])
		if value == "null" {
			continue
		}
		part := fmt.Sprintf("%q: %s", name, value)
		if line != "" && len(line)+len(part) > 130 {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+", "+part, ", ")
	}
	return "{" + strings.Join(append(lines, line), ",\n ") + "}"
}

func testShow(t *testing.T, s *storetest.Env) {
	id := func(action string) string {
		stdout, err := call(t, s, "search", "action:"+action, "created:2026-11-20", "-o", "table")
		if err == nil {
			t.Fatalf("two arguments are taken: %s", stdout)
		}
		if stdout, err = call(t, s, "search", "action:"+action+" created:2026-11-20"); err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(stdout)
		return words[len(words)-1]
	}
	edited := id("message.edited")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{edited}, "after        attachments 0, characters 11\nchanged      text\n"},
		{[]string{edited, "--show-content"}, "changed      text\n\n  hello\n+ world\n"},
		{[]string{id("message.deleted"), "--members"}, "after        deletion_class space_owner\n\n0 members in the space at that moment\n"},
		{[]string{id("member.role_changed"), "--members"}, "before       role ROLE_MEMBER, state JOINED\nafter        role ROLE_MANAGER, state JOINED\nchanged      role\n\n1 member in the space at that moment\n  Ann\n"},
		{[]string{edited, "--raw"}, `{"message":{"name":"` + root + "\"}}\n"},
		{[]string{id("gap.closed")}, "after        cause expired, events 7, from 2026-11-20T12:06:40+00:00, to 2026-11-20T12:08:20+00:00\n"},
	} {
		stdout, err := call(t, s, append([]string{"show"}, c.args...)...)
		if err != nil || !strings.HasSuffix(stdout, c.want) {
			t.Errorf("show %v: %v\n%s\nwant at its end\n%s", c.args, err, stdout, c.want)
		}
	}
	for want, args := range map[string][]string{
		"is no id of a record":             {"show", "12"},
		"comes from no event: coverage":    {"show", id("gap.closed"), "--raw"},
		"there is no record":               {"show", "00000000000000e"},
		"did you mean message.edited?":     {"search", "action:message.edted"},
		"--limit 0: want 1 to 10000":       {"search", "--limit", "0"},
		"leave out --after and --limit":    {"search", "--follow", "--limit", "5"},
		"say -o jsonl":                     {"search", "--follow", "-o", "json"},
		`--after "x" is no id of a record`: {"search", "--after", "x"},
		`nobody is called "Anne": did you mean "Ann"?` + "\n  actor:Anne\n        ^": {"search", "actor:Anne"},
		`no space is called that: did you mean "Sailors"?`:                           {"search", "space:Sailor"},
	} {
		if _, err := call(t, s, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
	told := storetest.Column(t, s, `SELECT concat_ws(' ', action, target, space) FROM trail WHERE at > now() - interval '1 day'`)
	full := storetest.Value[string](t, s, `SELECT record_id FROM analytics.audit_log WHERE action = 'message.edited'`)
	want := []string{"access.content_viewed " + full + " " + space, "access.raw_viewed " + full + " " + space}
	if diff := diffs.Diff(want, told); diff != "" {
		t.Errorf("the trail (-want +got):\n%s", diff)
	}
	exec(t, s, `ALTER FUNCTION analytics.record_action RENAME TO gone`)
	for _, args := range [][]string{{"show", edited, "--show-content"}, {"show", edited, "--raw"}} {
		if stdout, err := call(t, s, args...); err == nil || stdout != "" {
			t.Errorf("%v without a trail: %v, and %q", args, err, stdout)
		}
	}
}

// past records a history of a few spaces, in any order, with copies and backfills.
func past(t *testing.T, s *storetest.Env, r *rand.Rand, first, n int) {
	t.Helper()
	var list []events.Delivery
	users, spaces := []string{"users/1", "users/2", "users/3"}, []string{"spaces/A", "spaces/B"}
	for i := range n {
		id := fmt.Sprint("e", first+i)
		in, user := spaces[r.IntN(2)], users[r.IntN(3)]
		message := fmt.Sprintf("%s/messages/t%d.t%d", in, r.IntN(8), r.IntN(8))
		sent := at(-60 * 24 * 3600)
		when := sent.Add(time.Duration(r.Int64N(int64(59*24*time.Hour))) + time.Duration(i)*time.Microsecond)
		it := storetest.Membership([]events.Verb{events.VerbCreated, events.VerbUpdated, events.VerbDeleted}[r.IntN(3)], in, user, events.MembershipJoined)
		switch r.IntN(6) {
		case 0, 1:
			it = storetest.Message(events.VerbCreated, message, user, fmt.Sprintf("release %d_%%", i), sent, time.Time{})
		case 2:
			it = storetest.Message(events.VerbUpdated, message, user, fmt.Sprintf("Release %d", i%4), sent, when)
		case 3:
			it = storetest.Message(events.VerbDeleted, message, "", "", sent, time.Time{})
			it.Message.DeletionType = []string{"CREATOR", "ADMIN", ""}[r.IntN(3)]
		case 4:
			it = storetest.Reaction([]events.Verb{events.VerbCreated, events.VerbDeleted}[r.IntN(2)], message, user, "👍")
		}
		if it.Kind == events.KindMembership && r.IntN(3) == 0 {
			it = storetest.Renamed(in, fmt.Sprint("Team ", r.IntN(3)), "SPACE")
		}
		d := storetest.Live(id, when, it)
		d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", in+"/", 1)
		switch r.IntN(5) {
		case 0:
			d = storetest.Backfilled(d)
		case 1:
			list = append(list, d)
		}
		list = append(list, d)
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for batch := range slices.Chunk(list, 50) {
		storetest.Record(t, s, batch...)
	}
}

// Search finds what a plain filter in Go finds among all records, page by page, each
// record once, while others arrive; the view and the command say the same.
func TestSearch(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	r := rand.New(rand.NewPCG(15, 1))
	tell(t, s)
	past(t, s, r, 0, 200)
	exec(t, s, `UPDATE users SET user_type = 'BOT' WHERE user_name = 'users/3'`)
	records := all(t, s)
	now := at(2000)
	arrived := 1000
	for _, text := range []string{
		``, `actor:users/1`, `-actor:users/1`, `actor:* -actor:users/2 -actor_kind:app`, `space:spaces/A`, `space:spaces/A space:spaces/B`, `-space:*`,
		`action:message.*`, `action:message.deleted action:member.*`, `action:group.joined`, `-action:message.* -action:reaction.*`, `class:*`, `-class:creator`,
		`preset:deleted-by-another`, `preset:edited-late`, `preset:gaps`, `preset:gaps preset:failed-reactions`, `preset:joins-today`, `changed:text`, `changed:role changed:name`,
		`-changed:text action:message.edited`, `age:>10d`, `age:<1d`, `-age:1d..30d`, `source:backfill`, `source:reconcile`, `target:users/*`, `target:spaces/A/messages/t1*`,
		`thread:spaces/A/threads/t1`, `created:2026-10-01..2026-10-15`, `created:>"20 days ago" space:spaces/B`, `-created:today`, `created:<2026-10-10`, `created:*..2026-10-10`,
		`release`, `"RELEASE 1"`, `-release action:message.*`, `"_%"`, `actor_kind:google actor_kind:spacekeeper`, `preset:edited-late actor:users/2 release`,
	} {
		q, err := query.Parse(text, now)
		if err != nil {
			t.Fatal(err)
		}
		since := now.Add(-window)
		for _, term := range q.Terms {
			if term.Key == "created" && !term.Not && !term.From.IsZero() {
				since = term.From
			} else if term.Key == "created" && !term.Not {
				since = term.Until.Add(-window)
			}
		}
		var want, got, viewed []string
		for _, one := range records {
			viewed = append(viewed, one.ID)
			if q.Match(&one) && !one.OccurredAt.Before(since) {
				want = append(want, one.ID)
			}
		}
		request := Request{Query: q, Limit: 10 + r.IntN(90)}
		for more := true; more; {
			page, err := Search(t.Context(), s.Store, request, now)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			for _, one := range page.Records {
				got = append(got, one.ID)
				request.After = one.ID
			}
			if more = page.More; more && text == `action:message.*` {
				past(t, s, r, arrived, 5)
				arrived += 5
			}
		}
		if text == `action:message.*` { // what comes late may be a state of before
			records = all(t, s)
		}
		got = slices.DeleteFunc(got, func(id string) bool { return !slices.Contains(viewed, id) })
		if diff := diffs.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	compareForms(t, s)
	t.Run("export", func(t *testing.T) { testExport(t, s, r) })
}

// compareForms compares what the command prints in each form with what the view says.
func compareForms(t *testing.T, s *storetest.Env) {
	t.Helper()
	var want []string
	for _, r := range all(t, s) {
		if strings.HasPrefix(r.Action, "message.") && r.ActorID != nil && *r.ActorID == "users/1" {
			want = append(want, r.ID)
		}
	}
	asked := []string{"search", "action:message.* actor:users/1 created:>2026-01-01", "--limit", "10000", "-o"}
	for _, form := range []string{jsonLines, asCSV, cli.JSON} {
		stdout, err := call(t, s, append(asked, form)...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		switch form {
		case cli.JSON:
			var list []query.Record
			err = json.Unmarshal([]byte(stdout), &list)
			for _, r := range list {
				got = append(got, r.ID)
			}
		case asCSV:
			var rows [][]string
			rows, err = csv.NewReader(strings.NewReader(stdout)).ReadAll()
			for _, row := range rows[1:] {
				got = append(got, row[0])
			}
		default:
			for line := range strings.Lines(stdout) {
				var r query.Record
				if err = json.Unmarshal([]byte(line), &r); err != nil {
					break
				}
				got = append(got, r.ID)
			}
		}
		if diff := diffs.Diff(want, got); diff != "" || err != nil || strings.Contains(stdout, "elease") {
			t.Errorf("-o %s: %v, or it shows texts (-want +got):\n%s", form, err, diff)
		}
	}
}
