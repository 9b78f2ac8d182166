package roles

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// SQL is what makes the roles and groups, for psql.
func SQL(groups []Group) string {
	var sql strings.Builder
	sql.WriteString("BEGIN;\n")
	for _, s := range create(groups) {
		if s.sql != "" {
			fmt.Fprintf(&sql, "\n-- %s: by %s\n%s\n", s.does, s.who, strings.ReplaceAll(s.sql, "\n  ", "\n"))
		}
	}
	sql.WriteString("\nCOMMIT;\n")
	return sql.String()
}

// Create makes the roles and groups, and gives each exactly its rights.
func Create(ctx context.Context, s *store.Store, groups []Group) error {
	return carryOut(ctx, s, create(groups))
}

// CreateTold is Create, and says which roles there are, and what groups see now and no
// longer.
func CreateTold(ctx context.Context, s *store.Store, groups []Group, say func(string, ...any)) error {
	before := make([][]string, len(groups))
	for i, g := range groups { // who may not read it so far is told less
		before[i], _ = store.List(ctx, s, pgx.RowTo[string], `
			SELECT space FROM reader_groups WHERE role_name = $1 AND space <> ALL ($2) ORDER BY space`, g.Reader(), g.Spaces)
	}
	if err := Create(ctx, s, groups); err != nil {
		return err
	}
	say("%s are there, each with its rights", strings.Join([]string{Owner, Worker, Reader, Content}, ", "))
	for i, g := range groups {
		told := g.Reader() + " sees " + strings.Join(slices.Compact(slices.Sorted(slices.Values(g.Spaces))), ", ")
		if len(before[i]) > 0 {
			told += ", and no longer " + strings.Join(before[i], ", ")
		}
		unknown, err := store.List(ctx, s, pgx.RowTo[string], `
			SELECT DISTINCT i.space
			FROM unnest($1::text[]) AS i (space)
			WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.space = i.space)
			ORDER BY 1`, g.Spaces)
		if err != nil {
			return fmt.Errorf("look for the spaces of %s: %w", g.Name, err)
		}
		if len(unknown) > 0 {
			told += "; nothing is recorded of " + strings.Join(unknown, ", ") + ": is the id right?"
		}
		say("%s", told)
	}
	return nil
}

// Grant gives the roles their rights on what a migration has made, if the tables
// are the owner's.
func Grant(ctx context.Context, dsn string) error {
	return with(ctx, dsn, func(s *store.Store) error {
		there, err := inUse(ctx, s)
		if err != nil || !there {
			return err
		}
		return carryOut(ctx, s, grants())
	})
}

func with(ctx context.Context, dsn string, use func(*store.Store) error) error {
	s, err := store.Open(ctx, dsn, store.Options{MaxConns: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	return use(s)
}

func carryOut(ctx context.Context, s *store.Store, steps []step) error {
	ctx, cancel := s.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, s.Pool(), func(tx pgx.Tx) error {
		var role string
		if err := tx.QueryRow(ctx, `SELECT current_user`).Scan(&role); err != nil {
			return err
		}
		for _, step := range steps {
			_, err := tx.Exec(ctx, step.sql, pgx.QueryExecModeSimpleProtocol)
			var refused *pgconn.PgError
			switch {
			case err == nil:
			case errors.As(err, &refused) && refused.Code == "42501": // insufficient_privilege
				return &RefusedError{Role: role, Does: step.does, Who: step.who, Err: err}
			default:
				return fmt.Errorf("%s: %w", step.does, err)
			}
		}
		return nil
	})
}

// RefusedError says that the caller's role may not do a step.
type RefusedError struct {
	Role, Does string
	Who        string // can do it
	Err        error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: %v; the role %s can't, but %s can: run this as such, or pass on what --print prints", e.Does, e.Err, e.Role, e.Who)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// AsOwner returns dsn such that what is made belongs to the owner of the tables,
// whoever of its members makes it; as it is if there are no tables, or if they are
// another's.
func AsOwner(ctx context.Context, dsn string) (string, error) {
	var owner []string
	err := with(ctx, dsn, func(s *store.Store) (err error) {
		owner, err = store.List(ctx, s, pgx.RowTo[string], `
			SELECT pg_get_userbyid(relowner)
			FROM pg_class
			WHERE oid = to_regclass('public.goose_db_version') AND pg_get_userbyid(relowner) <> current_user AND pg_has_role(relowner, 'USAGE')`)
		return err
	})
	if err != nil || len(owner) == 0 {
		return dsn, err
	}
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		query := u.Query()
		query.Set("role", owner[0])
		u.RawQuery = query.Encode()
		return u.String(), nil
	}
	return dsn + " role='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(owner[0]) + "'", nil
}
