package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/events/redaction"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// erased are the people of whom nothing is recorded any more that is older than
// their erasure, unless they, or the space, are held.
type erased struct {
	version string // of the database: see check_erasures
	people  map[string]erasedPerson
	byDM    map[string]string // who is in a direct message
	newest  string            // whose erasure is the newest
	held    []string          // spaces
}

type erasedPerson struct {
	asked  time.Time
	person redaction.Person
}

// erasures remembers who is erased.
type erasures struct {
	mu    sync.Mutex
	known *erased // nil: it has to be asked
}

func (x *erasures) get(ctx context.Context, db *store.Store) (*erased, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known != nil {
		return x.known, nil
	}
	e := &erased{people: map[string]erasedPerson{}, byDM: map[string]string{}}
	// What is read after the version may be newer: then the version is refused.
	q := &pgx.Batch{}
	q.Queue(`SELECT erasures_version(), ARRAY(SELECT scope FROM legal_holds WHERE scope LIKE 'spaces/%')`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&e.version, &e.held) })
	q.Queue(`
		SELECT e.member, max(e.asked_at), direct_messages(e.member)
		FROM erasures e
		WHERE NOT EXISTS (SELECT FROM legal_holds h WHERE h.scope = e.member)
		GROUP BY e.member
		ORDER BY 2`).Query(func(rows pgx.Rows) error {
		var p erasedPerson
		return store.Each(rows, []any{&p.person.User, &p.asked, &p.person.Spaces}, func() {
			one := p
			one.person.Spaces = slices.Clone(p.person.Spaces)
			e.people[p.person.User], e.newest = one, p.person.User
			for _, space := range one.person.Spaces {
				e.byDM[space] = p.person.User
			}
		})
	})
	if err := db.Pool().SendBatch(ctx, q).Close(); err != nil {
		return nil, fmt.Errorf("read who is erased: %w", err)
	}
	x.known = e
	return e, nil
}

// failed forgets what is known if an error says that it is out of date.
func (x *erasures) failed(err error) {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "40001" { // serialization_failure
		x.mu.Lock()
		defer x.mu.Unlock()
		x.known = nil
	}
}

// check makes the transaction fail if what was known is out of date.
func (e *erased) check(q *pgx.Batch) { q.Queue(`SELECT check_erasures($1)`, e.version) }

// withoutErased returns the deliveries as they may be recorded.
func (s *Log) withoutErased(ctx context.Context, e *erased, deliveries []events.Delivery) ([]events.Delivery, error) {
	if len(e.people) == 0 {
		return deliveries, nil
	}
	kept := slices.Clone(deliveries)
	for i := range kept {
		e.redact(&kept[i])
	}
	return kept, s.asErased(ctx, e, kept)
}

func (e *erased) redact(d *events.Delivery) {
	at, space := d.PublishTime, ""
	if d.Event != nil {
		at = d.Event.Time
		if len(d.Event.Items) > 0 {
			space = d.Event.Items[0].Space
		}
	}
	if slices.Contains(e.held, space) {
		return
	}
	data := d.Data
	for _, user := range e.concerned(string(d.Data), space) {
		if p := e.people[user]; !at.After(p.asked) {
			data, _ = p.person.Erase(data)
		}
	}
	if string(data) == string(d.Data) {
		return
	}
	d.Data = data
	if d.Event != nil {
		d.Event, d.Malformed = events.Decode(d.Attributes, data)
	}
}

// asErased puts in the place of deliveries that come again what the log has kept of
// them, if something of it was erased: nobody knows any more what that was.
func (s *Log) asErased(ctx context.Context, e *erased, deliveries []events.Delivery) error {
	late := map[items.Key][]int{}
	var times []time.Time
	var keys []pgtype.UUID
	for i := range deliveries {
		if d := &deliveries[i]; d.Event != nil && !d.Event.Time.After(e.people[e.newest].asked) {
			key := items.KeyOf(d.Event, d.MessageID)
			late[key] = append(late[key], i)
			times, keys = append(times, store.Microseconds(d.Event.Time)), append(keys, key.Pg())
		}
	}
	if len(late) == 0 {
		return nil
	}
	rows, _ := s.pool.Query(ctx, `
		SELECT e.event_key, e.payload, e.payload_codec
		FROM unnest($1::timestamptz[], $2::uuid[]) AS i (event_time, event_key)
		JOIN events e ON e.event_time = i.event_time AND e.event_key = i.event_key
		WHERE e.payload IS NOT NULL
		ORDER BY e.origin, e.ordinal DESC`, times, keys)
	var key pgtype.UUID
	var payload []byte
	var codec int16
	if err := store.Each(rows, []any{&key, &payload, &codec}, func() {
		data, err := s.payloads.Decode(payload, codec)
		if err != nil || !redaction.IsErased(data) {
			return
		}
		for _, i := range late[key.Bytes] {
			d := &deliveries[i]
			d.Data = data
			d.Event, d.Malformed = events.Decode(d.Attributes, data)
		}
	}); err != nil {
		return fmt.Errorf("read what was erased of redelivered events: %w", err)
	}
	return nil
}

// concerned are those of the people whom an event may be about: what it quotes may
// be anybody's.
func (e *erased) concerned(data, space string) (users []string) {
	add := func(user string) {
		if _, ok := e.people[user]; ok && !slices.Contains(users, user) {
			users = append(users, user)
		}
	}
	add(e.byDM[space])
	if strings.Contains(data, "quotedMessageMetadata") {
		add(e.newest)
	}
	for rest := data; ; {
		i := strings.Index(rest, "users/")
		if i < 0 {
			return users
		}
		rest = rest[i:]
		end := strings.IndexFunc(rest[len("users/"):], func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("._@-", r)
		})
		if end < 0 {
			end = len(rest) - len("users/")
		}
		add(rest[:len("users/")+end])
		rest = rest[len("users/"):]
	}
}

// item takes out of fetched content what may not be recorded.
func (e *erased) item(it *events.Item, at time.Time) {
	p, ok := e.people[it.Actor]
	if m := it.Message; m != nil && ok && !at.After(p.asked) && !slices.Contains(e.held, it.Space) {
		kept := *m // the caller has the other
		kept.Text, kept.ArgumentText, kept.AttachmentCount, kept.Mentions, kept.Command, kept.Erased = "", "", 0, nil, 0, true
		it.Message = &kept
	}
}
