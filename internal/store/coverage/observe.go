package coverage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// statesAtOnce bounds the memory that a statement's arguments take.
const statesAtOnce = 1000

// writeStates writes the rows by few statements, as thousands of them are
// seen in every pass.
func writeStates(ctx context.Context, tx pgx.Tx, states []SubscriptionState) error {
	for chunk := range slices.Chunk(states, statesAtOnce) {
		if err := upsertStates(ctx, tx, chunk); err != nil {
			return fmt.Errorf("write %d states: %w", len(chunk), err)
		}
	}
	return nil
}

func upsertStates(ctx context.Context, tx pgx.Tx, states []SubscriptionState) error {
	// Nearly all have the same event types, so that each list is sent once.
	var lists []string
	numbers := map[string]int32{}
	types := func(n *SubscriptionState) int32 {
		list := strings.Join(n.EventTypes, ",")
		number, known := numbers[list]
		if !known {
			lists = append(lists, list)
			number = int32(len(lists)) // arrays begin at 1
			numbers[list] = number
		}
		return number
	}
	text := func(field func(*SubscriptionState) string) []string { return each(states, field) }
	times := func(field func(*SubscriptionState) time.Time) []pgtype.Timestamptz {
		return each(states, func(n *SubscriptionState) pgtype.Timestamptz { return store.OptionalTime(field(n)) })
	}
	flags := func(field func(*SubscriptionState) bool) []bool { return each(states, field) }
	args := pgx.NamedArgs{
		"target":           text(func(n *SubscriptionState) string { return n.Target }),
		"scope":            text(func(n *SubscriptionState) string { return n.Scope }),
		"name":             text(func(n *SubscriptionState) string { return n.Name }),
		"uid":              text(func(n *SubscriptionState) string { return n.UID }),
		"state":            text(func(n *SubscriptionState) string { return n.State }),
		"reason":           text(func(n *SubscriptionState) string { return n.Reason }),
		"remedy":           text(func(n *SubscriptionState) string { return n.Remedy }),
		"error":            text(func(n *SubscriptionState) string { return n.Error }),
		"types":            each(states, types),
		"managed":          flags(func(n *SubscriptionState) bool { return n.Managed }),
		"parked":           flags(func(n *SubscriptionState) bool { return n.Parked }),
		"include_resource": flags(func(n *SubscriptionState) bool { return n.IncludeResource }),
		"create_time":      times(func(n *SubscriptionState) time.Time { return n.CreateTime }),
		"update_time":      times(func(n *SubscriptionState) time.Time { return n.UpdateTime }),
		"expire_time":      times(func(n *SubscriptionState) time.Time { return n.ExpireTime }),
		"granted_at":       times(func(n *SubscriptionState) time.Time { return n.GrantedAt }),
		"next_try_at":      times(func(n *SubscriptionState) time.Time { return n.NextTry }),
		"tries":            each(states, func(n *SubscriptionState) int32 { return int32(n.Tries) }),
		"delivers":         flags(func(n *SubscriptionState) bool { return n.delivers() }),
		"at":               times(func(n *SubscriptionState) time.Time { return n.ObservedAt }),
	}
	args["lists"] = lists
	_, err := tx.Exec(ctx, `
		INSERT INTO subscription_states AS s (target, scope, name, uid, state, reason, remedy, error,
			event_types,
			managed, parked, include_resource, create_time, update_time, expire_time, granted_at, next_try_at, tries,
			observed_at, confirmed_at)
		SELECT u.target, u.scope, NULLIF(u.name, ''), NULLIF(u.uid, ''), NULLIF(u.state, ''), NULLIF(u.reason, ''),
			NULLIF(u.remedy, ''), NULLIF(u.error, ''),
			string_to_array((@lists::text[])[u.types], ','), -- '' is no type
			u.managed, u.parked, u.include_resource, u.create_time, u.update_time, u.expire_time, u.granted_at, u.next_try_at, u.tries,
			u.at, CASE WHEN u.delivers THEN u.at END
		FROM unnest(@target::text[], @scope::text[], @name::text[], @uid::text[], @state::text[], @reason::text[],
			@remedy::text[], @error::text[], @types::integer[], @managed::boolean[], @parked::boolean[],
			@include_resource::boolean[], @create_time::timestamptz[], @update_time::timestamptz[],
			@expire_time::timestamptz[], @granted_at::timestamptz[], @next_try_at::timestamptz[], @tries::integer[],
			@at::timestamptz[], @delivers::boolean[])
			AS u(target, scope, name, uid, state, reason, remedy, error, types, managed, parked, include_resource,
				create_time, update_time, expire_time, granted_at, next_try_at, tries, at, delivers)
		ON CONFLICT (target) DO UPDATE SET
			scope = excluded.scope,
			name = excluded.name,
			uid = excluded.uid,
			state = excluded.state,
			reason = excluded.reason,
			remedy = excluded.remedy,
			error = excluded.error,
			event_types = excluded.event_types,
			managed = excluded.managed,
			parked = excluded.parked,
			include_resource = excluded.include_resource,
			create_time = excluded.create_time,
			update_time = excluded.update_time,
			expire_time = excluded.expire_time,
			granted_at = excluded.granted_at,
			next_try_at = excluded.next_try_at,
			tries = excluded.tries,
			observed_at = excluded.observed_at,
			confirmed_at = COALESCE(excluded.confirmed_at, s.confirmed_at)`, args)
	return err
}

// each is one field of all rows.
func each[T any](states []SubscriptionState, field func(*SubscriptionState) T) []T {
	column := make([]T, len(states))
	for i := range states {
		column[i] = field(&states[i])
	}
	return column
}
