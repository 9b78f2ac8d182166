package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/payload"
)

// Holding lists the tables in which any of the texts is, whatever their columns are:
// in the rows as text, as bytes, or in what events have compressed.
func Holding(t testing.TB, s *Env, texts ...string) (tables []string) {
	t.Helper()
	for _, table := range Column(t, s, `
		SELECT c.oid::regclass::text
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
		ORDER BY 1`) {
		for _, text := range texts {
			if Value[bool](t, s, fmt.Sprintf(`
				SELECT EXISTS (
					SELECT FROM %s AS r
					WHERE strpos(r::text, $1) > 0 OR strpos(r::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0
				)`, table), text) {
				tables = append(tables, table+": "+text)
			}
		}
	}
	codec, err := payload.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer codec.Close()
	rows, _ := s.Pool().Query(t.Context(), `SELECT payload, payload_codec FROM events WHERE payload IS NOT NULL`)
	var stored []byte
	var number int16
	if _, err := pgx.ForEachRow(rows, []any{&stored, &number}, func() error {
		data, err := codec.Decode(stored, number)
		for _, text := range texts {
			if bytes.Contains(data, []byte(text)) {
				tables = append(tables, "events.payload: "+text)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return tables
}
