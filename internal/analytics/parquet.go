package analytics

import (
	"io"

	"github.com/parquet-go/parquet-go"
)

const (
	// groupBytes is how much of values a row group holds: it stands in memory until
	// it is whole.
	groupBytes = 8 << 20
	// rowsAtOnce is how many rows are handed over together.
	rowsAtOnce = 64
)

// parquetWriter writes row groups, each of them as soon as it is whole.
type parquetWriter struct {
	columns []column
	w       *parquet.GenericWriter[any]
	rows    []parquet.Row
	values  []parquet.Value // of rows
	bytes   []byte          // of the texts of rows
	grouped int             // bytes in the row group
}

func newParquet(columns []column, out io.Writer) *parquetWriter {
	root := ordered{Group: parquet.Group{}, columns: columns}
	for _, c := range columns {
		root.Group[c.name] = parquet.Optional(c.node())
	}
	return &parquetWriter{columns: columns, w: parquet.NewGenericWriter[any](out,
		parquet.NewSchema("row", root), parquet.Compression(&parquet.Snappy),
		parquet.PageBufferSize(64<<10), parquet.DataPageStatistics(false),
	)}
}

// ordered is a group whose fields stand in the order of the columns.
type ordered struct {
	parquet.Group
	columns []column
}

// Fields implements parquet.Node.
func (o ordered) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(o.columns))
	for i, c := range o.columns {
		fields[i] = byName[c.name]
	}
	return fields
}

func (c column) node() parquet.Node {
	switch c.kind {
	case asBool:
		return parquet.Leaf(parquet.BooleanType)
	case asInteger:
		return parquet.Int(64)
	case asNumber:
		return parquet.Leaf(parquet.DoubleType)
	case asTime:
		return parquet.Timestamp(parquet.Microsecond)
	case asDate:
		return parquet.Date()
	case asJSON:
		return parquet.JSON()
	}
	return parquet.String()
}

func (w *parquetWriter) Row(values [][]byte) error {
	first := len(w.values)
	for i, v := range values {
		w.grouped += len(v)
		value := parquet.NullValue().Level(0, 0, i)
		if k := w.columns[i].kind; v != nil && (k != asTime && k != asDate || isFinite(k, v)) {
			value = w.value(k, v).Level(0, 1, i)
		}
		w.values = append(w.values, value)
	}
	w.rows = append(w.rows, parquet.Row(w.values[first:len(w.values):len(w.values)]))
	if len(w.rows) < rowsAtOnce && len(w.bytes) < flushAt {
		return nil
	}
	return w.deliver()
}

func (w *parquetWriter) value(k kind, v []byte) parquet.Value {
	switch k {
	case asBool:
		return parquet.BooleanValue(v[0] != 0)
	case asInteger:
		return parquet.Int64Value(integer(v))
	case asNumber:
		return parquet.DoubleValue(number(v))
	case asTime:
		return parquet.Int64Value(epoch.UnixMicro() + integer(v))
	case asDate:
		return parquet.Int32Value(int32(epoch.Unix()/86400) + day(v))
	}
	start := len(w.bytes)
	w.bytes = append(w.bytes, v...) // what came is gone with the next row
	return parquet.ByteArrayValue(w.bytes[start:])
}

// deliver hands over what has been collected.
func (w *parquetWriter) deliver() error {
	_, err := w.w.WriteRows(w.rows)
	w.rows, w.values, w.bytes = w.rows[:0], w.values[:0], w.bytes[:0]
	if err == nil && w.grouped >= groupBytes {
		w.grouped, err = 0, w.w.Flush()
	}
	return err
}

func (w *parquetWriter) Close() error {
	if err := w.deliver(); err != nil {
		return err
	}
	return w.w.Close()
}
