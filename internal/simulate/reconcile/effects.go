package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Effects compares what rules say they have done, since a time, with what the
// Chat API received: every message that a run has sent is there once, and the
// app has sent nothing else. It also wants each rule of members to have come to
// an outcome for everybody whose joining was published.
func Effects(ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, since time.Time, onJoin []string) (Report, error) {
	messages, err := checkMessages(ctx, db, truth, since)
	if err != nil {
		return nil, fmt.Errorf("compare messages: %w", err)
	}
	decided, err := checkDecided(ctx, db, truth, since, onJoin)
	if err != nil {
		return nil, fmt.Errorf("compare decisions: %w", err)
	}
	return Report{messages, decided}, nil
}

func checkMessages(ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, since time.Time) (Row, error) {
	row := Row{What: "messages of rules", Got: len(truth.AppMessages)}
	sent := map[string]int{}
	for _, m := range truth.AppMessages {
		sent[m.Name]++
	}
	names, err := collect(ctx, db, pgx.RowTo[string], `
		SELECT COALESCE(r -> 'result' ->> 'message', '')
		FROM reactor_runs, json_array_elements(requests) AS r
		WHERE NOT shadow AND created_at >= $1 AND (r ->> 'done')::boolean AND r ->> 'action' = 'send'`, since)
	if err != nil {
		return row, err
	}
	row.Wanted = len(names)
	claimed := map[string]bool{}
	for _, name := range names {
		if sent[name] == 0 || claimed[name] { // two runs can't have sent one message
			row.Lost++
		}
		claimed[name] = true
	}
	for name, n := range sent {
		if !claimed[name] {
			row.Unexpected += n
		}
	}
	return row, nil
}

func checkDecided(ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, since time.Time, onJoin []string) (Row, error) {
	row := Row{What: "joins decided on"}
	type decision struct{ Reactor, Space, User string }
	want := map[decision]bool{}
	for _, j := range truth.Joins {
		if !j.Bot && j.Published {
			for _, reactor := range onJoin {
				want[decision{reactor, j.Space, j.User}] = true
			}
		}
	}
	row.Wanted = len(want)
	decided, err := collect(ctx, db, pgx.RowToStructByPos[decision], `
		SELECT DISTINCT reactor, space, member
		FROM reactor_runs
		WHERE trigger = 'member.joined' AND outcome <> 'pending' AND reactor = ANY($1) AND created_at >= $2`, onJoin, since)
	if err != nil {
		return row, err
	}
	row.Got = len(decided)
	for _, d := range decided {
		if !want[d] {
			row.Unexpected++
		}
		delete(want, d)
	}
	row.Lost = len(want)
	return row, nil
}
