// Package erasures erases people: what they wrote, what apps told them, and how they
// are called, wherever it is stored. Google's number of the person stays, and each
// row that something counts.
//
// It promises that what [Eraser.Erase] has gone through holds nothing of the person,
// and that what comes later of before the erasure is recorded without: package
// eventlog looks who is erased. It goes on where it ended, however that was, also if
// two do it at once. The transparency log gets a leaf for each of its rows that was
// changed, and forgets the salts of those before. Legal holds win: what they keep is
// counted. It takes the rights of the tables' owner.
package erasures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events/redaction"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
	"github.com/spacekeeper/spacekeeper/internal/store/holds"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// Eraser erases from a database.
type Eraser struct {
	db       *store.Store
	payloads *payload.Codec
	log      *originals.Originals
}

// New returns an Eraser, which closes with the database.
func New(db *store.Store) (*Eraser, error) {
	payloads, err := payload.NewCodec()
	if err != nil {
		return nil, err
	}
	db.Attach(func() {}, payloads.Close)
	return &Eraser{db, payloads, originals.New(db, payloads)}, nil
}

// Counts are how many rows were erased, by what they are; "kept" by a legal hold.
type Counts map[string]int

// Kept is what [Counts] call rows that a legal hold keeps.
const Kept = "kept by legal holds"

// erasure is one under way.
type erasure struct {
	*Eraser
	dry      bool
	id       int64
	user     string
	number   int32 // users.id; 0: no event names them
	asked    time.Time
	person   redaction.Person
	pattern  string // finds the names that are theirs alone; "": there are none
	tables   []table
	position position
	counts   Counts

	held      []string // spaces, as of the step
	keepNames bool     // what a held space holds is theirs: it has to be known who that is
}

// position is how far an erasure is.
type position struct {
	part   string
	time   pgtype.Timestamptz
	key    pgtype.UUID
	number int64
}

// partLast comes after those that are called as tables are.
const partLast = "the names"

func beginning(part string) position {
	return position{part, pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, pgtype.UUID{Valid: true}, -1}
}

// Preview counts what Erase would erase.
func (x *Eraser) Preview(ctx context.Context, user string) (Counts, error) {
	e := &erasure{Eraser: x, dry: true, user: user, asked: time.Now(), position: beginning("events"), counts: Counts{}}
	names, err := e.calledNow(ctx)
	if err == nil {
		err = e.mayErase(ctx)
	}
	if err == nil {
		err = e.run(ctx, names, func(string) {})
	}
	if err != nil {
		return nil, fmt.Errorf("look what %s has left: %w", user, err)
	}
	return e.counts, nil
}

// Erase erases all of a person, or goes on with it. told is told of each part that
// begins.
func (x *Eraser) Erase(ctx context.Context, user, reason string, told func(part string)) (Counts, error) {
	e := &erasure{Eraser: x, user: user}
	err := e.mayErase(ctx)
	var names []string
	if err == nil {
		names, err = e.begin(ctx, reason)
	}
	if err == nil {
		err = e.run(ctx, names, told)
	}
	if err == nil {
		told("proof")
		err = proofs.New(x.db).DropSalts(ctx)
	}
	if err == nil {
		err = e.finish(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("erase %s: %w", user, err)
	}
	return e.counts, nil
}

// Archived lists the months, "2026-08", whose bytes were archived and in which the
// person did something: of those the database has nothing to erase, and the archives do.
func (x *Eraser) Archived(ctx context.Context, user string) ([]string, error) {
	months, err := store.List(ctx, x.db, pgx.RowTo[string], `
		SELECT DISTINCT t.target
		FROM trail t
		WHERE t.action = 'archive.finished' AND EXISTS (
			SELECT FROM events e
			WHERE e.event_time >= (t.target || '-01 00:00:00+00')::timestamptz
				AND e.event_time < (t.target || '-01 00:00:00+00')::timestamptz + interval '1 month'
				AND e.actor_id = (SELECT id FROM users WHERE user_name = $1)
		)
		ORDER BY 1`, user)
	if err != nil {
		return nil, fmt.Errorf("list the archived months of %s: %w", user, err)
	}
	return months, nil
}

// mayErase fails early where a later step would.
func (e *erasure) mayErase(ctx context.Context) error {
	var may, known bool
	var role, why string
	if err := e.db.Pool().QueryRow(ctx, `
		SELECT has_table_privilege('erasures', 'INSERT'), current_user, EXISTS (SELECT FROM users WHERE user_name = $1),
			COALESCE((SELECT reason FROM legal_holds WHERE scope = $1), '')`, e.user).Scan(&may, &role, &known, &why); err != nil {
		return err
	}
	switch {
	case !may:
		return fmt.Errorf("the role %s may not: do it as a member of spacekeeper_owner", role)
	case !known:
		return errors.New("nothing that is recorded names this person")
	case why != "":
		return fmt.Errorf("a legal hold keeps all of the person (%s): subscriber audit hold remove ends it", why)
	}
	return nil
}

// begin makes the erasure known to all who record, or finds the one that was begun.
func (e *erasure) begin(ctx context.Context, reason string) (names []string, err error) {
	if names, err = e.unfinished(ctx); !errors.Is(err, pgx.ErrNoRows) {
		return names, err
	}
	if names, err = e.calledNow(ctx); err != nil {
		return nil, err
	}
	for _, name := range names {
		if redaction.Names(reason, name) {
			return nil, errors.New("the reason names the person, and would stay: give another one")
		}
	}
	ctx, cancel := e.db.WithTimeout(ctx)
	defer cancel()
	if err := pgx.BeginFunc(ctx, e.db.Pool(), func(tx pgx.Tx) error {
		// Whoever records without knowing of it has ended when this has the lock.
		if _, err := tx.Exec(ctx, `LOCK TABLE erasures IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO erasures (member, part, names)
			VALUES ($1, 'events', $2)
			ON CONFLICT DO NOTHING`, e.user, names); err != nil {
			return err
		}
		return trail.Record(ctx, tx, trail.Action{Name: "erasure.started", Target: e.user, Reason: reason})
	}); err != nil {
		return nil, err
	}
	return e.unfinished(ctx)
}

func (e *erasure) unfinished(ctx context.Context) (names []string, err error) {
	return names, e.db.Pool().QueryRow(ctx, `
		SELECT id, asked_at, names
		FROM erasures
		WHERE member = $1 AND finished_at IS NULL`, e.user).Scan(&e.id, &e.asked, &names)
}

// calledNow is what the person is and was called.
func (e *erasure) calledNow(ctx context.Context) (names []string, err error) {
	rows, _ := e.db.Pool().Query(ctx, `
		SELECT display_name FROM users WHERE user_name = $1 AND display_name IS NOT NULL
		UNION
		SELECT display_name FROM names WHERE name = $1`, e.user)
	if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, err
	}
	rows, _ = e.db.Pool().Query(ctx, `
		SELECT e.payload, e.payload_codec
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		WHERE t.kind = 'interaction' AND e.actor_id = (SELECT id FROM users WHERE user_name = $1) AND e.payload IS NOT NULL`, e.user)
	person := redaction.Person{User: e.user}
	var data []byte
	var codec int16
	_, err = pgx.ForEachRow(rows, []any{&data, &codec}, func() error {
		if decoded, err := e.payloads.Decode(data, codec); err == nil {
			names = append(names, person.Called(decoded)...)
		}
		return nil
	})
	names = append([]string{}, names...) // not NULL
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return strings.TrimSpace(name) == "" || redaction.Names(redaction.Gone, name)
	}), err
}

// prepare reads what the steps need to know.
func (e *erasure) prepare(ctx context.Context, names []string) error {
	e.person = redaction.Person{User: e.user, Names: names}
	pool := e.db.Pool()
	if err := pool.QueryRow(ctx, `
		SELECT id, direct_messages(user_name), ARRAY(
			SELECT n
			FROM unnest($2::text[]) AS n
			WHERE n ~ '[ @]' AND NOT EXISTS (SELECT FROM users o WHERE o.display_name = n AND o.user_name <> $1)
		)
		FROM users u
		WHERE user_name = $1`, e.user, names).Scan(&e.number, &e.person.Spaces, &e.person.Only); err != nil {
		return err
	}
	e.pattern = pattern(e.person.Only)
	messages := map[string]bool{}
	rows, _ := pool.Query(ctx, `
		SELECT full_name(m.name, p.space || '/messages')
		FROM stored_messages m
		JOIN spaces p ON p.id = m.space_id
		WHERE m.sender_id = $1`, e.number)
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&name}, func() error { messages[name] = true; return nil }); err != nil {
		return err
	}
	e.person.Message = func(name string) bool { return messages[name] }
	var err error
	e.tables, err = readTables(ctx, pool)
	return err
}

// run goes through all that is stored, from where it is.
func (e *erasure) run(ctx context.Context, names []string, told func(string)) error {
	if err := e.prepare(ctx, names); err != nil {
		return err
	}
	for last := ""; ; {
		more, err := e.step(ctx)
		if err != nil {
			return fmt.Errorf("in %s: %w", e.position.part, err)
		}
		if !more {
			return nil
		}
		if e.position.part != last {
			last = e.position.part
			told(last)
		}
	}
}

var (
	errDry     = errors.New("nothing is to be changed")
	errChanged = errors.New("a row was changed meanwhile")
)

// step carries out one step in a transaction of its own, in which it also notes how
// far it is.
func (e *erasure) step(ctx context.Context) (more bool, err error) {
	for {
		err := e.try(ctx, &more)
		switch {
		case errors.Is(err, errDry):
			return more, nil
		case !errors.Is(err, errChanged):
			return more, err
		}
	}
}

func (e *erasure) try(ctx context.Context, more *bool) error {
	ctx, cancel := e.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, e.db.Pool(), func(tx pgx.Tx) error {
		if err := e.load(ctx, tx); err != nil {
			return err
		}
		next, err := e.part(ctx, tx)
		if err != nil {
			return err
		}
		*more, e.position = next.part != "", next
		if e.dry {
			return errDry
		}
		_, err = tx.Exec(ctx, `
			UPDATE erasures
			SET part = $2, after_time = $3, after_key = $4, after_number = $5, counts = $6
			WHERE id = $1`, e.id, next.part, next.time, next.key, next.number, e.counts)
		return err
	})
}

// load reads how far the erasure is, and what is held.
func (e *erasure) load(ctx context.Context, tx pgx.Tx) error {
	if p := &e.position; !e.dry {
		e.counts = Counts{}
		if err := tx.QueryRow(ctx, `
			SELECT part, after_time, after_key, after_number, counts
			FROM erasures
			WHERE id = $1
			FOR UPDATE`, e.id).Scan(&p.part, &p.time, &p.key, &p.number, &e.counts); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `SET LOCAL spacekeeper.erasing = 'on'`); err != nil {
		return err
	}
	held, err := holds.Read(ctx, tx)
	if err != nil {
		return err
	}
	if slices.Contains(held.People(), e.user) {
		return errors.New("a legal hold keeps all of the person since the erasure began")
	}
	e.held = append([]string{}, held.Spaces()...) // not NULL
	return tx.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM stored_memberships m
			JOIN spaces p ON p.id = m.space_id
			WHERE p.space = ANY ($1) AND m.member = $2
		) OR EXISTS (
			SELECT FROM events e
			JOIN spaces p ON p.id = e.space_id
			WHERE p.space = ANY ($1) AND e.actor_id = $3
		)`, e.held, e.user, e.number).Scan(&e.keepNames)
}

// part carries out a step of the part that is under way.
func (e *erasure) part(ctx context.Context, tx pgx.Tx) (next position, err error) {
	switch e.position.part {
	case "":
		return e.position, nil
	case "events":
		return e.eraseEvents(ctx, tx)
	case "quarantine":
		return e.eraseQuarantine(ctx, tx)
	case partLast:
		return position{time: e.position.time, key: e.position.key}, e.eraseNames(ctx, tx)
	}
	return e.eraseTable(ctx, tx)
}

// eraseNames is the last part: by them the others are found.
func (e *erasure) eraseNames(ctx context.Context, tx pgx.Tx) error {
	if e.keepNames {
		return nil
	}
	tag, err := tx.Exec(ctx, `
		DELETE FROM names
		WHERE name = $1`, e.user)
	if err != nil {
		return err
	}
	e.counts["names"] += int(tag.RowsAffected())
	_, err = tx.Exec(ctx, `
		UPDATE users
		SET display_name = NULL, version_time = '-infinity'
		WHERE user_name = $1 AND display_name IS NOT NULL`, e.user)
	return err
}

func (e *erasure) finish(ctx context.Context) error {
	ctx, cancel := e.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, e.db.Pool(), func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE erasures
			SET finished_at = clock_timestamp(), names = '{}'
			WHERE id = $1 AND finished_at IS NULL`, e.id)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return trail.Record(ctx, tx, trail.Action{Name: "erasure.finished", Target: e.user, Details: map[string]any{"rows": e.counts}})
	})
}
