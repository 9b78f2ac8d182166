package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/procfs"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// database is a fresh, migrated database on the private server.
type database struct {
	name  string
	dsn   string
	conn  *pgx.Conn     // to the server's own database
	bytes int64         // of all tables and indexes when it was new
	used  time.Duration // CPU time of the server during the run
}

func createDatabase(ctx context.Context, dsn, name string) (*database, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, fmt.Errorf("create database %s: %w", name, err)
	}
	db := &database{name: name, conn: conn, dsn: withDatabase(dsn, name)}
	if err := store.Migrate(ctx, db.dsn); err != nil {
		return nil, err
	}
	if db.bytes, err = db.size(ctx); err != nil {
		return nil, err
	}
	return db, nil
}

// withDatabase replaces the path of a URL.
func withDatabase(dsn, name string) string {
	base, query, _ := strings.Cut(dsn, "?")
	base = base[:strings.LastIndex(base, "/")+1] + name
	if query != "" {
		base += "?" + query
	}
	return base
}

// relation is a table or an index and what it takes on disk, its TOAST table
// included. The partitions of a table count together.
type relation struct {
	Name  string
	Bytes int64
}

// sizes lists all relations, the largest first.
func (db *database) sizes(ctx context.Context) ([]relation, error) {
	conn, err := pgx.Connect(ctx, db.dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", db.name, err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `
		SELECT regexp_replace(c.relname, '_\d{4}_\d\d', '') AS name, sum(pg_table_size(c.oid))::bigint AS bytes
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'i') AND n.nspname = 'public'
		GROUP BY name
		ORDER BY bytes DESC`)
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", db.name, err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[relation])
}

// size is the sum of all relations.
func (db *database) size(ctx context.Context) (bytes int64, err error) {
	relations, err := db.sizes(ctx)
	for _, r := range relations {
		bytes += r.Bytes
	}
	return bytes, err
}

func (db *database) drop(ctx context.Context) error {
	defer db.conn.Close(ctx)
	if _, err := db.conn.Exec(ctx, "DROP DATABASE "+db.name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", db.name, err)
	}
	return nil
}

// serverCPU is the CPU time that the Postgres server has used: its main
// process, the children that have ended, and those that live. It is read from
// /proc and 0 where there is none.
func (db *database) serverCPU(ctx context.Context) time.Duration {
	var backend int
	if err := db.conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return 0
	}
	self, err := readStat(backend)
	if err != nil {
		return 0
	}
	const ticksPerSecond = 100 // USER_HZ, on every Linux
	for {
		main, _ := readStat(self.PPID)
		ticks := ticksOf(main) + childrenOf(self.PPID)
		// A child that ended in between would be counted twice or not at all.
		if now, _ := readStat(self.PPID); now.CUTime == main.CUTime && now.CSTime == main.CSTime {
			return time.Duration(ticks) * time.Second / ticksPerSecond
		}
	}
}

// childrenOf sums the ticks of the children that live.
func childrenOf(parent int) (ticks int) {
	all, _ := procfs.AllProcs()
	for _, p := range all {
		if s, err := p.Stat(); err == nil && s.PPID == parent {
			ticks += ticksOf(s)
		}
	}
	return ticks
}

// ticksOf are those of a process and of its children that ended.
func ticksOf(s procfs.ProcStat) int { return int(s.UTime+s.STime) + s.CUTime + s.CSTime }

func readStat(pid int) (s procfs.ProcStat, err error) {
	p, err := procfs.NewProc(pid)
	if err == nil {
		s, err = p.Stat()
	}
	return s, err
}
