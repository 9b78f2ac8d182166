package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// lookups remembers the numbers of event types and sources. They are written
// ahead of the batch, outside its transaction: a number without events harms
// nobody, and no batch waits for another's.
type lookups struct {
	mu      sync.RWMutex
	types   map[string]int16
	sources map[string]int32
}

func newLookups() *lookups {
	return &lookups{types: map[string]int16{}, sources: map[string]int32{}}
}

type typeMeaning struct {
	kind events.Kind
	verb events.Verb
}

// ensure makes sure that all types and sources have numbers.
func (l *lookups) ensure(ctx context.Context, pool *pgxpool.Pool, types map[string]typeMeaning, sources map[string]bool) error {
	l.mu.RLock()
	newTypes := map[string]typeMeaning{}
	for t, m := range types {
		if _, ok := l.types[t]; !ok {
			newTypes[t] = m
		}
	}
	newSources := map[string]bool{}
	for s := range sources {
		if _, ok := l.sources[s]; !ok {
			newSources[s] = true
		}
	}
	l.mu.RUnlock()
	if len(newTypes) > 0 {
		if err := l.addTypes(ctx, pool, newTypes); err != nil {
			return fmt.Errorf("number %d event types: %w", len(newTypes), err)
		}
	}
	if len(newSources) > 0 {
		if err := l.addSources(ctx, pool, newSources); err != nil {
			return fmt.Errorf("number %d event sources: %w", len(newSources), err)
		}
	}
	return nil
}

func (l *lookups) addTypes(ctx context.Context, pool *pgxpool.Pool, types map[string]typeMeaning) error {
	names := slices.Sorted(maps.Keys(types))
	kinds, verbs := make([]string, len(names)), make([]string, len(names))
	for i, n := range names {
		kinds[i], verbs[i] = string(types[n].kind), string(types[n].verb)
	}
	// Only missing names reach the INSERT: a conflict would use up numbers.
	_, err := pool.Exec(ctx, `
		INSERT INTO event_types (ce_type, kind, verb)
		SELECT ce_type, kind, verb
		FROM unnest($1::text[], $2::text[], $3::text[]) AS i (ce_type, kind, verb)
		WHERE NOT EXISTS (SELECT FROM event_types t WHERE t.ce_type = i.ce_type)
		ON CONFLICT DO NOTHING`, names, kinds, verbs)
	if err != nil {
		return err
	}
	// A second statement, so that it sees what another replica added meanwhile.
	rows, err := pool.Query(ctx, `
		SELECT ce_type, id
		FROM event_types
		WHERE ce_type = ANY ($1)`, names)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var name string
	var id int16
	_, err = pgx.ForEachRow(rows, []any{&name, &id}, func() error {
		l.types[name] = id
		return nil
	})
	return err
}

func (l *lookups) addSources(ctx context.Context, pool *pgxpool.Pool, sources map[string]bool) error {
	names := slices.Sorted(maps.Keys(sources))
	_, err := pool.Exec(ctx, `
		INSERT INTO event_sources (source)
		SELECT source
		FROM unnest($1::text[]) AS i (source)
		WHERE NOT EXISTS (SELECT FROM event_sources s WHERE s.source = i.source)
		ON CONFLICT DO NOTHING`, names)
	if err != nil {
		return err
	}
	rows, err := pool.Query(ctx, `
		SELECT source, id
		FROM event_sources
		WHERE source = ANY ($1)`, names)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var name string
	var id int32
	_, err = pgx.ForEachRow(rows, []any{&name, &id}, func() error {
		l.sources[name] = id
		return nil
	})
	return err
}

func (l *lookups) typeID(name string) int16 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.types[name]
}

func (l *lookups) sourceID(name string) int32 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.sources[name]
}
