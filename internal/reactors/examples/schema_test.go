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
		_, isNumber := want.(float64)
		return wrong(fmt.Sprint(want) == fmt.Sprint(value) && isNumber == (number != ""))
	case "not":
		return wrong(v.refuses(want.(map[string]any), at, value) != "")
	case "if":
		branch := "then"
		if v.refuses(want.(map[string]any), at, value) != "" {
			branch = "else"
		}
		if then, ok := schema[branch].(map[string]any); ok {
			return v.refuses(then, at, value)
		}
	case "allOf":
		for _, one := range want.([]any) {
			if why := v.refuses(one.(map[string]any), at, value); why != "" {
				return why
			}
		}
	case "contains":
		return wrong(!isList || slices.ContainsFunc(list, func(item any) bool { return v.refuses(want.(map[string]any), at, item) == "" }))
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
	case "description", "title", "$schema", "definitions", "examples", "then", "else":
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

// beyond are mistakes that a schema can't tell: what conditions and texts say, in
// languages of their own, what stands elsewhere in the file or beside it, and what
// is read of a text's numbers.
var beyond = regexp.MustCompile(`^(` + strings.Join([]string{
	// The languages of conditions, texts and cron, the names of zones, and cards.
	`((if|still|stop_when|until|spaces\.match|sequence\[\d+\]\.if): |.*\]\.(send|dm|update|record)\.(text|card|value|thread_key)).*`,
	`cron: (".*" (is not|ends before)|no such day).*`, `cron: all its times fall into quiet hours.*`, `(.*\.)?zone is not a time zone`,
	`(send|dm|update): (card|the message) .*`, `until asks for nothing.*`,
	// Elsewhere in the file.
	`there is no reactor ".*"`, `another (reactor|test|action|step of the sequence) (has the id|is called|is known as) .*`,
	`this happens earlier than what stands before it`, `no message before this is called ".*"`, `\S+ must be later than .*, that of the step before`, `.* is both included and excepted`,
	`\S+\.of: .*`, `\S+ doesn't apply in \S+: its spaces say so`, `[a-z0-9-]+ has no \S+`,
	// Beside it: what actions need of a trigger, and files.
	`[a-z_]+: of [a-z._]+, .*`, `there is no file .*`, `(exec|webhook): .*`,
	// Durations and times of day that are too long, too short, or the wrong way round.
	`(\S+\.)?((wait|max_age|for|window|after|working) must be at (least|most) .*|\S+ must be a (rate|duration))`, `\S+ takes more than .*`, `\S+: ".*" ends before it begins.*`,
}, "|") + `)$`)

// merged are mistakes that an override makes together with its rule.
var merged = regexp.MustCompile(`^(stop_when is for a sequence|stay would end|collapse is for|until (needs wait|is for))`)

// rare has what the examples haven't.
const rare = `
reactors:
  - id: a
    on: [member.joined, member.role_changed]
    wait: {working: 4h, hours: "Mon-Fri 09:00-17:00", zone: UTC}
    until: member.messages_in_space > 0
    bots: true
    limit: {per_app: 20/h, per_member: 1/d, else: drop}
    once_per: {keys: [member, day], for: 90d}
    do: [{send: {id: s, text: a}}, {update: {of: s, text: b}}, {delete: {of: s}}, {dm: {text: c}}, {record: {name: r, value: v}}]
  - id: b
    on: message.created
    spaces: {except: [spaces/A], match: space.members > 5}
    once_per: [message]
    do: [{react: {emoji: 👀}}, {add_member: {space: spaces/C, user: users/1}}, {remove_member: {space: spaces/D}}]
  - id: c
    on: member.left
    stay: false
    do: [{send: {to: spaces/B, thread_key: k, text: a}}]
overrides: {spaces/A: {a: {mode: live, max_age: 1h, do: [{send: {text: d}}]}}}
tests:
  - name: n
    reactor: a
    given: [join@0, {at: 1h, do: role, role: ROLE_MANAGER, affiliation: EXTERNAL}, {at: 2h, do: group.added, group: groups/A}, {at: 3h, do: command, command: 3}]
    expect: {sent: 1}
`

var changed = flag.Uint64("changed", 200, "how many changed files the schema and the parser are asked about")

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
	for _, name := range append(names(t), "") {
		text := rare
		if name != "" {
			var err error
			if text, err = examples.Read(name); err != nil {
				t.Fatal(err)
			}
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
				overridden := m.Column <= bytes.Index(raw, []byte(`"reactors"`)) // it stands before
				if why == "" && !beyond.MatchString(m.Message) && (!overridden || !merged.MatchString(m.Message)) {
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
		map[string]any{}, map[string]any{"x": "y"}, []any{map[string]any{}}, " ", "20 / h", "20/500ms", "2000000/h", "0", "+1.5h", "UTC", "later", "ROLE_OWNER",
		"schedule", "member.left", "0 9 * * 1", "Mon-Fri 09:00-17:00", []any{"member"}, []any{"message", "day"}, []any{"member.joined", "member.left"},
	}
	switch random.IntN(5) {
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
	text, _ := at.in[at.key].(string)
	if letters := []rune(text); len(letters) > 0 && random.IntN(2) == 0 {
		i := random.IntN(len(letters))
		with := []string{"", " ", ":", "0", "X", string(letters[i]) + string(letters[i])}
		at.in[at.key] = string(letters[:i]) + with[random.IntN(len(with))] + string(letters[i+1:])
		return fmt.Sprintf("%s is %q", at.key, at.in[at.key])
	}
	value := values[random.IntN(len(values))]
	at.in[at.key] = value
	return fmt.Sprintf("%s is %v", at.key, value)
}
