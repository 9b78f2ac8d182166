package erasures_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/erasures"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// Canary is in all that Ann says, and Quill in all that she is called.
const (
	ann    = "users/ann"
	canary = "canary"
	quill  = "Quill"
)

func message(name, sender, kind, rest string) string {
	return fmt.Sprintf(`{"message":{"name":"spaces/S/messages/%s","sender":{"name":"users/%s","type":"%s"},"createTime":"2026-11-20T12:00:00Z",
		"thread":{"name":"spaces/S/threads/T"}%s}}`, name, sender, kind, rest)
}

// history is what Ann and others did, and in which she is wherever somebody can be.
func history(t *testing.T) (list []events.Delivery, names events.Delivery) {
	decoded := func(id, typ, data string) events.Delivery {
		return storetest.Decoded(t, id, typ, storetest.At(len(list)+1), data)
	}
	add := func(typ, data string) {
		list = append(list, decoded(fmt.Sprint("e", len(list)), typ, data))
	}
	interact := func(data string) {
		d := events.Delivery{
			MessageID: fmt.Sprint("i", len(list)), PublishTime: storetest.At(0), ReceivedAt: storetest.At(1), Origin: events.OriginLive, Data: []byte(data),
		}
		d.Event, d.Malformed = events.Decode(nil, d.Data)
		list = append(list, d)
	}
	add("membership.v1.created", storetest.Member("ann", "JOINED", "ROLE_MEMBER"))
	add("membership.v1.created", storetest.Member("bob", "JOINED", "ROLE_MEMBER"))
	add("message.v1.created", message("T.T", "ann", "HUMAN", `,"text":"canary said","attachment":[{"contentName":"canary.pdf"}]`))
	add("message.v1.updated", message("T.T", "ann", "HUMAN", `,"lastUpdateTime":"2026-11-20T12:10:00Z","text":"canary edited"`))
	add("message.v1.created", message("T.D", "ann", "HUMAN", `,"text":"canary deleted"`))
	add("message.v1.deleted", `{"message":{"name":"spaces/S/messages/T.D","createTime":"2026-11-20T12:00:00Z","deletionMetadata":{"deletionType":"CREATOR"}}}`)
	add("message.v1.created", message("T.B", "bob", "HUMAN", `,"text":"@Quill said, and Ann Quill, too: bobs words","quotedMessageMetadata":{"name":"spaces/S/messages/T.T",
		"quotedMessageSnapshot":{"text":"canary quoted"}},"annotations":[{"startIndex":0,"length":6,"userMention":{"user":{"name":"users/ann","displayName":"Quill"}}}]`))
	add("message.v1.updated", message("T.B", "bob", "HUMAN", `,"lastUpdateTime":"2026-11-20T12:20:00Z","text":"Ann Quill said: bobs other words"`))
	add("message.v1.created", message("T.W", "app", "BOT", `,"text":"Welcome Ann Quill, of canary!"`))
	add("message.v1.batchCreated", `{"messages":[`+message("B.1", "bob", "HUMAN", `,"text":"bobs batch"`)+`,`+message("B.2", "ann", "HUMAN", `,"text":"canary batch"`)+`]}`)
	add("reaction.v1.created", `{"reaction":{"name":"spaces/S/messages/T.B/reactions/R","user":{"name":"users/ann","type":"HUMAN"},"emoji":{"unicode":"👍"}}}`)
	interact(`{"type":"MESSAGE","eventTime":"2026-11-20T12:00:30Z","user":{"name":"users/ann","displayName":"Ann Quill","email":"Quill@example.com","type":"HUMAN"},
		"space":{"name":"spaces/D","type":"DM","displayName":"Ann Quill"},"message":{"name":"spaces/D/messages/D.1","sender":{"name":"users/ann"},"text":"canary to the app"}}`)
	add("message.v1.created", strings.ReplaceAll(message("D.2", "app", "BOT", `,"text":"canary, as you said"`), "spaces/S", "spaces/D"))
	interact(`{"type":"MESSAGE","user":{"name":"users/ann"},"message":{"text":"canary without a time"}}`)
	interact(`{"type":"MESSAGE","user":{"name":"users/ann"},"message":{"text":"canary cut`)
	names = decoded("n", "message.v1.created", `{"message":{"name":"spaces/S/messages/T.N"}}`)
	return append(list, names), names
}

// fill records the history, and what else can hold somebody's words.
func fill(t *testing.T) (*storetest.Env, []events.Delivery) {
	t.Helper()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock, Planner: storetest.Greeter{}})
	list, names := history(t)
	storetest.Record(t, s, list...)
	fetched := storetest.Message(events.VerbCreated, "spaces/S/messages/T.N", ann, "canary fetched", storetest.At(1), storetest.At(0))
	named := eventlog.Named{Key: items.KeyOf(names.Event, names.MessageID), Time: names.Event.Time, Kind: events.KindMessage, Resource: fetched.Resource, Space: storetest.Space}
	if err := s.Enrich(t.Context(), named, fetched, storetest.At(99)); err != nil {
		t.Fatal(err)
	}
	if err := trail.Commit(t.Context(), s.Store, trail.Action{Name: "access.text_searched", Details: map[string]any{"query": `"Ann Quill"`}}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO names (known_at, name, display_name) VALUES ('2026-01-01', 'users/ann', 'Anna Quill')`,
		`UPDATE reactor_runs SET facts = '{"message":{"text":"canary"}}', requests = '[{"body":{"text":"canary"}}]' WHERE member = 'users/ann'`,
		`UPDATE reactor_runs SET requests = '[{"body":{"text":"canary of <users/ann>"}}]' WHERE member = 'users/bob'`,
		`INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)
			VALUES (now(), now(), false, 'r', 't', 'failed', 's', 'spaces/S', 'users/ann', 'canary')`,
		`INSERT INTO reactor_records (event_time, key, reactor, space, member, name, value) VALUES (now(), 'k', 'r', 'spaces/S', 'users/ann', 'n', 'canary')`,
		`INSERT INTO coverage (from_time, to_time, scope, source, cause, repair, acknowledged_at, acknowledgement)
			VALUES (now(), now(), 'spaces/S', 'gap', 'expired', 'impossible', now(), 'Ann Quill knows')`,
		`INSERT INTO river_job (state, kind, args, max_attempts, errors) VALUES ('available', 'x', '{"of":"Ann Quill"}', 1, ARRAY['{"error":"Ann Quill"}'::jsonb])`,
	} {
		exec1(t, s, sql)
	}
	if _, err := proofs.New(s.Store).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, list
}

func exec1(t *testing.T, s *storetest.Env, sql string) {
	t.Helper()
	if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func eraser(t *testing.T, s *storetest.Env) *erasures.Eraser {
	t.Helper()
	x, err := erasures.New(s.Store)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// sound checks that the log is as it was recorded but for what was erased, and tells
// how many rows that was.
func sound(t *testing.T, s *storetest.Env) int {
	t.Helper()
	report, err := proofs.New(s.Store).Verify(t.Context(), nil, func(uint64, uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Sound() {
		t.Errorf("the log: %s", strings.Join(report.Findings, "\n"))
	}
	return report.Erased
}

// Nothing of what somebody said or is called is left anywhere, also if the erasure
// was killed again and again, and nothing that is told again brings it back. What
// others said stays, and all that is counted.
func TestErase(t *testing.T) {
	t.Parallel()
	s, list := fill(t)
	state := func() []string {
		return storetest.Column(t, s, `
			SELECT concat_ws(' ', name, sender_id, thread, quoted, edited_at, deleted_at IS NOT NULL) FROM stored_messages
			UNION ALL SELECT concat_ws(' ', message, user_id, emoji) FROM stored_reactions
			UNION ALL SELECT concat_ws(' ', membership, state) FROM stored_memberships
			UNION ALL SELECT concat_ws(' ', event_time, event_key, ordinal, actor_id, ce_id, resource) FROM events
			UNION ALL SELECT concat_ws(' ', reactor, subject, member) FROM reactor_runs
			ORDER BY 1`)
	}
	before := state()
	foreseen, err := eraser(t, s).Preview(t.Context(), ann)
	if err != nil {
		t.Fatal(err)
	}
	if len(storetest.Holding(t, s, canary)) < 8 || sound(t, s) != 0 {
		t.Fatal("a preview has erased something")
	}
	counts, kills := erasures.Counts(nil), 0
	for ; counts == nil; kills++ {
		ctx, cancel := context.WithCancel(t.Context())
		parts := 0
		counts, err = eraser(t, s).Erase(ctx, ann, "case 7", func(string) {
			if parts++; parts == 4 {
				cancel()
			}
		})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if kills < 8 {
		t.Errorf("the erasure was killed %d times", kills)
	}
	for what, n := range foreseen {
		if what != "messages" && what != "versions of messages" && what != "other texts" && counts[what] != n {
			t.Errorf("%s: foreseen were %d, erased were %d", what, n, counts[what])
		}
	}
	gone := func(when string) {
		t.Helper()
		if got := storetest.Holding(t, s, canary, quill); len(got) > 0 {
			t.Errorf("%s: left in %q", when, got)
		}
		if diff := cmp.Diff(before, state()); diff != "" {
			t.Errorf("%s: what is counted has changed:\n%s", when, diff)
		}
	}
	gone("erased")
	if n := sound(t, s); n < 10 {
		t.Errorf("%d rows of the log are told as erased", n)
	}
	for _, words := range []string{"bobs words", "bobs other words", "bobs batch"} {
		if len(storetest.Holding(t, s, words)) < 2 {
			t.Errorf("%q are gone", words)
		}
	}
	texts := storetest.Column(t, s, `SELECT message || ': ' || text FROM message_history ORDER BY 1`)
	rebuild := func() {
		t.Helper()
		m := mend.New(s.Store, s.Log)
		for _, space := range []string{storetest.Space, "spaces/D"} {
			if _, err := m.Rebuild(t.Context(), space); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(texts, storetest.Column(t, s, `SELECT message || ': ' || text FROM message_history ORDER BY 1`)); diff != "" {
			t.Errorf("rebuilt (-erased +rebuilt):\n%s", diff)
		}
	}
	rebuild()
	for i := range list {
		storetest.Record(t, s, list[i])
		storetest.Record(t, s, storetest.Backfilled(list[i]))
	}
	other := storetest.Open(t, s.DSN, storetest.Options{Now: storetest.Clock, Planner: storetest.Greeter{}}) // another replica
	storetest.Record(t, other, list...)
	exec1(t, s, `UPDATE users SET display_name = 'Ann Quill', version_time = now() WHERE user_name = 'users/ann'`) // as a list of members does
	// Of a message that goes to the quarantine nobody knows that it was there.
	exec1(t, s, `DELETE FROM quarantine WHERE detail LIKE '%nobody%'`)
	gone("told again")
	rebuild()
	gone("rebuilt")
	sound(t, s)
	dump(t, s)
}

func dump(t *testing.T, s *storetest.Env) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if len(found) == 0 {
		t.Skip("pg_dump is not installed")
	}
	out, err := exec.CommandContext(t.Context(), found[len(found)-1], "--dbname="+s.DSN).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{canary, quill} {
		if bytes.Contains(out, []byte(text)) || bytes.Contains(out, fmt.Appendf(nil, "%x", text)) {
			t.Errorf("%q is in a dump", text)
		}
	}
}

// A row that was emptied by anybody else is found, whatever is done to its salt.
func TestEmptiedIsNoErasure(t *testing.T) {
	t.Parallel()
	s, _ := fill(t)
	exec1(t, s, `UPDATE events SET payload = NULL WHERE event_key IN (SELECT event_key FROM events WHERE resource LIKE '%T.D' LIMIT 1)`)
	exec1(t, s, `UPDATE proof_leaves SET salts = decode(repeat('00', length(salts)), 'hex')`)
	report, err := proofs.New(s.Store).Verify(t.Context(), nil, func(uint64, uint64) {})
	if err != nil || report.Sound() || report.Erased != 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// A hold of the person refuses the erasure; one of a space keeps what was said there,
// and who that was, until it is removed. Late copies are recorded whole meanwhile.
func TestHoldsWin(t *testing.T) {
	t.Parallel()
	s, list := fill(t)
	change := func(do func(context.Context, pgx.Tx) error) {
		t.Helper()
		if err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error { return do(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
	}
	erase := func() (erasures.Counts, error) { return eraser(t, s).Erase(t.Context(), ann, "", func(string) {}) }
	change(func(ctx context.Context, tx pgx.Tx) error { return holds.Add(ctx, tx, ann, "case 8") })
	if _, err := erase(); err == nil || !strings.Contains(err.Error(), "a legal hold keeps all of the person (case 8)") {
		t.Errorf("held: %v", err)
	}
	change(func(ctx context.Context, tx pgx.Tx) error { return holds.Remove(ctx, tx, ann) })
	change(func(ctx context.Context, tx pgx.Tx) error { return holds.Add(ctx, tx, storetest.Space, "case 9") })
	counts, err := erase()
	if err != nil || counts[erasures.Kept] == 0 {
		t.Fatalf("got %v, %v", counts, err)
	}
	for text, want := range map[string]bool{"canary said": true, "canary quoted": true, "Anna Quill": true, "canary to the app": false, "as you said": false} {
		if got := len(storetest.Holding(t, s, text)) > 0; got != want {
			t.Errorf("%q is there: %v, want %v", text, got, want)
		}
	}
	storetest.Record(t, s, list...)
	change(func(ctx context.Context, tx pgx.Tx) error { return holds.Remove(ctx, tx, storetest.Space) })
	if _, err := erase(); err != nil {
		t.Fatal(err)
	}
	if got := storetest.Holding(t, s, canary, quill); len(got) > 0 {
		t.Errorf("left in %q", got)
	}
	sound(t, s)
}

func TestWhoCantBeErased(t *testing.T) {
	t.Parallel()
	role := storetest.NewRole(t)
	s, _ := fill(t)
	exec1(t, s, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	worker := storetest.Open(t, storetest.WithRole(s.DSN, role), storetest.Options{})
	for want, call := range map[string]func() (erasures.Counts, error){
		"names this person": func() (erasures.Counts, error) { return eraser(t, s).Preview(t.Context(), "users/nobody") },
		"do it as a member of spacekeeper_owner": func() (erasures.Counts, error) {
			return eraser(t, worker).Erase(t.Context(), ann, "", func(string) {})
		},
		"the reason names the person": func() (erasures.Counts, error) {
			return eraser(t, s).Erase(t.Context(), ann, "Ann Quill asks for it", func(string) {})
		},
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
