package examples_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/spacekeeper/spacekeeper/internal/reactors/examples"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// validator says what a JSON schema refuses, as far as the schema of rules goes.
type validator struct {
	t   *testing.T
	top map[string]any
}

// refuses returns where and why a value isn't allowed; "" if it is.
func (v *validator) refuses(schema map[string]any, at string, value any) string {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		if why := v.keyword(schema, keyword, at, value); why != "" {
			return why
		}
	}
	return ""
}

func (v *validator) keyword(schema map[string]any, keyword, at string, value any) string {
	wrong := func(ok bool) string {
		if ok {
			return ""
		}
		return fmt.Sprintf("%s: its %s refuses it", at, keyword)
	}
	text, isText := value.(string)
	list, isList := value.([]any)
	section, isSection := value.(map[string]any)
	number, _ := value.(json.Number)
	switch want := schema[keyword]; keyword {
	case "$ref":
		name := strings.TrimPrefix(want.(string), "#/definitions/")
		return v.refuses(v.top["definitions"].(map[string]any)[name].(map[string]any), at, value)
	case "type":
		types, several := want.([]any)
		if !several {
			types = []any{want}
		}
		return wrong(slices.ContainsFunc(types, func(t any) bool { return isOf(t.(string), value) }))
	case "enum":
		return wrong(slices.Contains(want.([]any), value))
	case "const":
		return wrong(fmt.Sprint(want) == fmt.Sprint(value) && number != "")
	case "oneOf", "anyOf":
		matches := 0
		for _, one := range want.([]any) {
			if v.refuses(one.(map[string]any), at, value) == "" {
				matches++
			}
		}
		return wrong(matches == 1 || keyword == "anyOf" && matches > 0)
	case "pattern":
		return wrong(!isText || regexp.MustCompile(want.(string)).MatchString(text))
	case "format":
		_, err := time.Parse(time.RFC3339, text)
		return wrong(!isText || err == nil)
	case "items":
		for i, item := range list {
			if why := v.refuses(want.(map[string]any), fmt.Sprintf("%s[%d]", at, i), item); why != "" {
				return why
			}
		}
	case "minItems":
		return wrong(!isList || len(list) >= int(want.(float64)))
	case "uniqueItems":
		seen := map[string]bool{}
		for _, item := range list {
			seen[fmt.Sprint(item)] = true
		}
		return wrong(len(seen) == len(list))
	case "minimum":
		n, err := number.Int64()
		return wrong(number == "" || err == nil && n >= int64(want.(float64)))
	case "required":
		for _, key := range want.([]any) {
			if _, ok := section[key.(string)]; isSection && !ok {
				return wrong(false)
			}
		}
	case "minProperties":
		return wrong(!isSection || len(section) >= int(want.(float64)))
	case "maxProperties":
		return wrong(!isSection || len(section) <= int(want.(float64)))
	case "propertyNames":
		for key := range section {
			if why := v.refuses(want.(map[string]any), at+" key", key); why != "" {
				return why
			}
		}
	case "properties", "additionalProperties":
		known, _ := schema["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(section)) {
			one, ok := known[key].(map[string]any)
			if others, all := schema["additionalProperties"].(map[string]any); !ok && all {
				one, ok = others, true
			}
			if !ok && schema["additionalProperties"] == false {
				return wrong(false)
			}
			if !ok {
				continue
			}
			if why := v.refuses(one, at+"."+key, section[key]); why != "" {
				return why
			}
		}
	case "description", "title", "$schema", "definitions", "examples":
	default:
		v.t.Fatalf("this test knows nothing of %s", keyword)
	}
	return ""
}

func isOf(typ string, value any) bool {
	switch v := value.(type) {
	case nil:
		return typ == "null"
	case bool:
		return typ == "boolean"
	case string:
		return typ == "string"
	case []any:
		return typ == "array"
	case map[string]any:
		return typ == "object"
	case json.Number:
		_, err := v.Int64()
		return typ == "number" || typ == "integer" && err == nil
	}
	return false
}

// beyond are mistakes that a schema can't tell: they are about what texts say, and
// what stands elsewhere in the file.
var beyond = regexp.MustCompile(strings.Join([]string{
	`there is no (reactor|file|action)`, `another (reactor|test|action)`, `is set twice`, `is listed twice`,
	`^(if|still|stop_when|spaces\.match|sequence\[\d+\]\.if)`, `placeholder`, `\]\.(send|dm|update|record)\.(text|card|value|thread_key)`,
	`cron`, `zone`, `\.allow: `, ` must be later than `, ` must (not be negative|be at (least|most)) `, `happens earlier`, `is before the start`,
	`^(once_per|limit\.\w+): there is no `, `stay would end`, `doesn't apply in`, `both included and excepted`, `has no `, `is the same in all spaces`,
	`^collapse is for`, `^(stop_when|wait|cron|zone) is for`, `on: schedule (needs|stands)`, `no action of this reactor`, `isn't done where`, `is done only after`,
	`^(send|dm|update|delete|react|add_member|remove_member|webhook|record|exec): `, `not one$`, `\.fallback `,
}, "|"))

var changed = flag.Uint64("changed", 500, "how many changed files the schema and the parser are asked about")

// TestSchemaAndParserAgree: what the parser takes no editor complains of, and what it
// refuses an editor complains of, too, unless that can't be told by a schema. It
// asks both about files with something changed in them; 2,000 at full size.
func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	list := actions(t, t.TempDir())
	v := &validator{t: t}
	decode(t, rules.JSONSchema(list), &v.top)
	var files []any
	var keys []string
	for _, name := range names(t) {
		text, err := examples.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var file any
		decode(t, raw, &file)
		files = append(files, file)
		walk(file, func(at place) { keys = append(keys, at.key) })
	}
	taken, refused := 0, 0
	for seed := range *changed {
		random := rand.New(rand.NewPCG(seed, 1))
		file := clone(t, files[random.IntN(len(files))])
		what := change(t, random, file, keys)
		raw, err := marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rules.Parse("reactors.yaml", raw, rules.Options{Actions: list})
		why := v.refuses(v.top, "file", file)
		var wrong *rules.Error
		switch {
		case err == nil:
			taken++
			if why != "" {
				t.Errorf("seed %d, %s: the parser takes it, the schema doesn't: %s", seed, what, why)
			}
		case !errors.As(err, &wrong):
			t.Errorf("seed %d, %s: %v", seed, what, err)
		default:
			refused++
			for _, m := range wrong.Mistakes {
				if why == "" && !beyond.MatchString(m.Message) {
					t.Errorf("seed %d, %s: the schema takes it, the parser doesn't: %s", seed, what, m.Message)
				}
			}
		}
	}
	if taken < int(*changed)/20 || refused < int(*changed)/4 {
		t.Errorf("%d files are taken and %d refused: this says little", taken, refused)
	}
}

func decode(t *testing.T, raw []byte, to any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, schema := to.(*map[string]any); !schema {
		d.UseNumber()
	}
	if err := d.Decode(to); err != nil {
		t.Fatal(err)
	}
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

func clone(t *testing.T, v any) (c any) {
	t.Helper()
	raw, err := marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, raw, &c)
	return c
}

// place is a value in a section.
type place struct {
	in  map[string]any
	key string
}

// walk visits all values of sections, in one order each time.
func walk(v any, visit func(place)) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			visit(place{v, key})
			walk(v[key], visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}

// change changes one thing in a file and says what.
func change(t *testing.T, random *rand.Rand, file any, keys []string) string {
	t.Helper()
	var places []place
	walk(file, func(at place) { places = append(places, at) })
	at := places[random.IntN(len(places))]
	values := []any{
		nil, true, false, json.Number("0"), json.Number("5"), json.Number("-1"), json.Number("1.5"), "x", "", "10m", "1h30m", "90", "20/h", "5/1h30m", "0/h", "-2m", "live",
		"member.joined", "spaces/A", "2026-01-05T09:00:00+01:00", []any{}, []any{"x"}, []any{"x", "x"}, []any{nil}, []any{"spaces/A"}, []any{"message.created"},
		map[string]any{}, map[string]any{"x": "y"}, []any{map[string]any{}},
	}
	switch random.IntN(4) {
	case 0:
		other := keys[random.IntN(len(keys))]
		at.in[other] = at.in[at.key]
		if other != at.key {
			delete(at.in, at.key)
		}
		return at.key + " is called " + other
	case 1:
		delete(at.in, at.key)
		return at.key + " is gone"
	case 2:
		from := places[random.IntN(len(places))]
		at.in[at.key] = clone(t, from.in[from.key])
		return fmt.Sprintf("%s is the value of %s", at.key, from.key)
	}
	value := values[random.IntN(len(values))]
	at.in[at.key] = value
	return fmt.Sprintf("%s is %v", at.key, value)
}
