package events

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Each limit lets its own value pass and refuses one more.
func TestLimits(t *testing.T) {
	t.Parallel()
	small := Limits{MaxBytes: 300, MaxDepth: 3, MaxKeys: 4, MaxItems: 2}
	resource := `"space":{"name":"spaces/S"}`
	element := `{"space":{"name":"spaces/S"}}`
	for _, c := range []struct {
		reason         Reason
		batch          bool
		within, beyond string
	}{
		{ReasonTooLarge, false, padded(resource, 300), padded(resource, 301)},
		{ReasonTooDeep, false, `{"x":[[1]],` + resource + `}`, `{"x":[[[]]],` + resource + `}`},
		{ReasonTooManyKeys, false, `{` + resource + `,"a":1,"b":1,"c":1}`, `{` + resource + `,"a":1,"b":1,"c":1,"d":1}`},
		{ReasonTooManyItems, true, `[` + element + `,` + element + `]`, `[` + element + `,` + element + `,` + element + `]`},
	} {
		t.Run(string(c.reason), func(t *testing.T) {
			t.Parallel()
			attributes, limits := attributesOf("google.workspace.chat.space.v1.updated"), small
			within, beyond := c.within, c.beyond
			if c.batch {
				attributes = attributesOf("google.workspace.chat.space.v1.batchUpdated")
				within, beyond = `{"spaces":`+within+`}`, `{"spaces":`+beyond+`}`
				limits.MaxDepth = 4
			}
			if _, bad := limits.Decode(attributes, []byte(within)); bad != nil {
				t.Errorf("Decode at the limit: %v", bad)
			}
			_, bad := limits.Decode(attributes, []byte(beyond))
			if bad == nil || bad.Reason != c.reason {
				t.Errorf("Decode beyond the limit: got %v, want %s", bad, c.reason)
			}
		})
	}
}

// padded is an object with the fields in it, n bytes long.
func padded(fields string, n int) string {
	return "{" + fields + strings.Repeat(" ", n-len(fields)-2) + "}"
}

// Row S2: a message of the largest size, made to cost as much as it can, is
// refused for at most three times its own size.
func TestBombs(t *testing.T) {
	const size = 10 << 20
	fill := func(open, unit, end string) []byte {
		n := (size - len(open) - len(end)) / len(unit)
		return []byte(open + strings.Repeat(unit, n) + end)
	}
	manyKeys := []byte(`{"x":{`)
	for i := 0; len(manyKeys) < size-64; i++ {
		manyKeys = fmt.Appendf(manyKeys, `"%07d":0,`, i)
	}
	manyKeys = append(manyKeys, `"last":0}}`...)
	const batchCreated = "google.workspace.chat.membership.v1.batchCreated"

	for _, c := range []struct {
		name   string
		ceType string
		data   []byte
		want   Reason
	}{
		{"exponents", messageCreated, fill(`{"x":[`, `1e131071,`, `1]}`), ReasonMissingResource},
		{"exponents late", messageCreated, append(fill(`{"x":"`, "x", `"`)[:size-20], `","y":1e131071}`...), ReasonMissingResource},
		{"one long number", messageCreated, fill(`{"x":`, `9`, `}`), ReasonMissingResource},
		{"deep arrays", messageCreated, fill(`{"x":`, `[`, ``), ReasonTooDeep},
		{"deep objects", messageCreated, fill(``, `{"x":`, ``), ReasonTooDeep},
		{"small objects", messageCreated, fill(`{"x":[`, `{"a":{}},`, `1]}`), ReasonMissingResource},
		{"small numbers", messageCreated, fill(`{"x":[`, `1,`, `1]}`), ReasonMissingResource},
		{"many keys", messageCreated, manyKeys, ReasonTooManyKeys},
		{"one long key", messageCreated, fill(`{"`, `k`, `":1,"`+strings.Repeat("k", 8)+`":1}`), ReasonMissingResource},
		{"one long name", messageCreated, fill(`{"message":{"name":"`, `\n`, `"}}`), ReasonNameTooLong},
		{"many items", batchCreated, fill(`{"memberships":[`, `{"membership":{"name":"spaces/S/members/1","state":"JOINED"}},`, `{}]}`), ReasonTooManyItems},
		{"bad items", batchCreated, fill(`{"memberships":[`, `{"membership":{"name":"spaces/S/members/1","x":"\u0000`+strings.Repeat("x", 1000)+`"}},`, `{}]}`), ReasonNUL},
		{"many bad items", batchCreated, fill(`{"memberships":[`, `{"x":"\u0000"},`, `{}]}`), ReasonTooManyItems},
		{"item of deep arrays", batchCreated, fill(`{"memberships":[`, `[`, ``), ReasonTooDeep},
		{"item of many keys", batchCreated, append([]byte(`{"memberships":[`), append(manyKeys[:len(manyKeys):len(manyKeys)], "]}"...)...), ReasonTooManyKeys},
		{"text of NULs", messageCreated, fill(`{"message":{"name":"spaces/S/messages/M","text":"`, `\u0000`, `"}}`), ReasonNUL},
		{"text of half pairs", messageCreated, fill(`{"message":{"name":"spaces/S/messages/M","text":"`, `\ud800`, `"}}`), ReasonLoneSurrogate},
		{"text of bad bytes", messageCreated, fill(`{"message":{"name":"spaces/S/messages/M","text":"`, "\xff", `"}}`), ReasonInvalidUTF8},
		{"too large", messageCreated, bytes.Repeat([]byte(" "), size+1), ReasonTooLarge},
		// The largest that pass cost no more.
		{"text", messageCreated, fill(`{"message":{"name":"spaces/S/messages/M","text":"`, `x`, `"}}`), ""},
		{"text of escapes", messageCreated, fill(`{"message":{"name":"spaces/S/messages/M","text":"`, `\n`, `"}}`), ""},
		{"white space", messageCreated, fill(`{"message":{"name":"spaces/S/messages/M"}`, ` `, `}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			attributes := attributesOf(c.ceType)
			runtime.ReadMemStats(&before)
			_, bad := Decode(attributes, c.data)
			runtime.ReadMemStats(&after)
			switch {
			case c.want == "" && bad != nil:
				t.Errorf("Decode: %v", bad)
			case c.want != "" && (bad == nil || bad.Reason != c.want):
				t.Errorf("Decode: got %v, want %s", bad, c.want)
			}
			// All that was allocated, also what was given back meanwhile.
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 3*uint64(len(c.data)) {
				t.Errorf("allocated %d bytes for %d of input", grown, len(c.data))
			}
		})
	}
}
