package wasm

import "encoding/binary"

// maxTable is how many entries a table of functions may have. wazero lets
// tables grow without a limit, and they are not in a module's memory. Large Go
// modules have some 20,000 entries.
const maxTable = 1 << 16

// A compiler's time and memory grow faster than the size of a function: one of
// 560 KB can take minutes, one of 64 KB a few seconds. Go's largest functions have some 30 KB.
const (
	maxFunction = 64 << 10
	maxCode     = 8 << 20 // of all functions; a small Go module has 2 MB
)

const (
	tableSection = 4
	codeSection  = 10
)

// errMalformed is as much as we say; wazero never gets to see the module.
var errMalformed = &unfitError{message: "the module isn't WebAssembly", suggestion: "name a .wasm file"}

// bound returns the module with a maximum written to each table that has none or
// a larger one. It refuses functions that are too large to compile.
func bound(module []byte) ([]byte, error) {
	const header = 8 // magic and version
	if len(module) < header || string(module[:4]) != "\x00asm" {
		return nil, errMalformed
	}
	bounded := append([]byte(nil), module[:header]...)
	for rest := module[header:]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errMalformed
		}
		section := rest[1+n : 1+n+int(size)]
		rest = rest[1+n+int(size):]
		var err error
		switch id {
		case tableSection:
			section, err = boundSection(section)
		case codeSection:
			err = boundCode(section)
		}
		if err != nil {
			return nil, err
		}
		bounded = append(bounded, id)
		bounded = binary.AppendUvarint(bounded, uint64(len(section)))
		bounded = append(bounded, section...)
	}
	return bounded, nil
}

// boundCode looks at the code section: a count, then for each function its size
// and its body.
func boundCode(section []byte) error {
	if len(section) > maxCode {
		return unfit("leave out what it doesn't need", "the module has %d bytes of code, more than %d", len(section), maxCode)
	}
	in := reader{section}
	for range in.number() {
		size := in.number()
		if size > maxFunction {
			return unfit("split the function", "the module has a function of %d bytes, more than %d", size, maxFunction)
		}
		if in.rest == nil || size > uint64(len(in.rest)) {
			return errMalformed
		}
		in.rest = in.rest[size:]
	}
	return nil
}

// boundSection rewrites the table section: a count, then for each table its
// type, a flag whether there is a maximum, and the limits.
func boundSection(section []byte) ([]byte, error) {
	in := reader{section}
	count := in.number()
	if count > 4 {
		return nil, unfit("build it for plain wasm", "the module has %d tables, more than 4", count)
	}
	out := binary.AppendUvarint(nil, count)
	for range count {
		kind, flag, minimum, maximum := in.byte(), in.byte(), in.number(), uint64(maxTable)
		if kind != 0x70 && kind != 0x6f || flag > 1 {
			return nil, unfit("build it for plain wasm", "the module has a table of a kind that exec doesn't know")
		}
		if flag == 1 {
			maximum = min(maximum, in.number())
		}
		if minimum > maxTable {
			return nil, unfit("split it into smaller modules", "the module has a table of %d entries, more than %d", minimum, maxTable)
		}
		out = append(out, kind, 1)
		out = binary.AppendUvarint(out, minimum)
		out = binary.AppendUvarint(out, max(maximum, minimum))
	}
	if in.rest == nil || len(in.rest) > 0 {
		return nil, errMalformed
	}
	return out, nil
}

// reader reads a section. Once it has read past its end, rest is nil.
type reader struct{ rest []byte }

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.rest = nil
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest = nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
