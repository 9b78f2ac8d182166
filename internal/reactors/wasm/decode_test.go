package wasm

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

type allKinds struct {
	Chat   reactors.ChatText  `yaml:"chat"`
	Plain  reactors.PlainText `yaml:"plain"`
	Card   reactors.Card      `yaml:"card"`
	Wait   time.Duration      `yaml:"wait"`
	Addr   netip.Addr         `yaml:"addr"`
	Word   string             `yaml:"word,omitempty"`
	Yes    bool               `yaml:"yes"`
	Small  int8               `yaml:"small"`
	Count  uint               `yaml:"count"`
	Ratio  float64            `yaml:"ratio"`
	Inner  *inner             `yaml:"inner"`
	List   []inner            `yaml:"list"`
	Map    map[string]int     `yaml:"map"`
	Any    any                `yaml:"any"`
	Hidden string             `yaml:"-"`
	embedded
}

type inner struct {
	A string `yaml:"a"`
}

type embedded struct {
	Below string `yaml:"below"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	const raw = `{"chat": "<users/1> hi", "plain": "\u0001\u2028", "card": [{"card": {"n": 12345678901234567890, "m": [1.10, 0.1234567890123456789]}}], "wait": "90s",
		"addr": "10.0.0.1", "word": "w", "yes": true, "small": -128, "count": 18446744073709551615, "ratio": 0.5,
		"inner": {"a": "1"}, "list": [{"a": "2"}, {}], "map": {"x": 1}, "any": ["y"], "below": "b"}`
	var got allKinds
	if err := decode(json.RawMessage(raw), &got, []string{"users/1"}); err != nil {
		t.Fatal(err)
	}
	want := allKinds{
		Chat:  reactors.ChatText{Source: "<users/1> hi", Value: "<users/1> hi"},
		Plain: reactors.PlainText{Source: "\x01\u2028", Value: "\x01\u2028"},
		Card: reactors.Card{Source: []any{map[string]any{"card": map[string]any{"n": 12345678901234567890.0, "m": []any{1.1, 0.1234567890123456789}}}},
			Value: json.RawMessage(`[{"card":{"m":[1.10,0.1234567890123456789],"n":12345678901234567890}}]`)},
		Wait: 90 * time.Second, Addr: netip.MustParseAddr("10.0.0.1"), Word: "w", Yes: true,
		Small: -128, Count: 1<<64 - 1, Ratio: 0.5, Inner: &inner{"1"}, List: []inner{{"2"}, {}},
		Map: map[string]int{"x": 1}, Any: []any{"y"}, embedded: embedded{"b"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(allKinds{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("decode (-want +got):\n%s", diff)
	}
}

func TestDecodeFails(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"` + canary + `": 1}`:              "unknown key here",
		`{"hidden": "x"}`:                    "unknown key",
		`{"Hidden": "x"}`:                    "unknown key",
		`{"inner": {"` + canary + `": 1}}`:   "unknown key in inner",
		`{"list": [{}, {"a": 1}]}`:           "list[1].a must be text",
		`{"list": {}}`:                       "list must be a list",
		`{"inner": []}`:                      "inner must be a section",
		`{"map": []}`:                        "map must be a section",
		`{"map": {"` + canary + `": "x"}}`:   "map must be a number",
		`{"chat": 1}`:                        "chat must be text",
		`{"plain": []}`:                      "plain must be text",
		`{"word": true}`:                     "word must be text",
		`{"yes": "true"}`:                    "yes must be true or false",
		`{"small": 128}`:                     "small must be a whole number in range",
		`{"small": "1"}`:                     "small must be a number",
		`{"small": 1.5}`:                     "small must be a whole number",
		`{"count": -1}`:                      "count must be a whole number",
		`{"ratio": 1e999}`:                   "ratio must be a number",
		`{"card": [{"n": 1e400}]}`:           "card holds a number out of range",
		`{"wait": "` + canary + `"}`:         "wait must be a duration",
		`{"wait": 7}`:                        "wait must be a duration",
		`{"addr": "` + canary + `"}`:         "addr can't be read",
		`{"chat": "<users/2>"}`:              "chat mentions somebody",
		`{"chat": "<users/1> <Users/ALL|x"}`: "chat mentions somebody",
	} {
		var got allKinds
		err := decode(json.RawMessage(raw), &got, []string{"users/1"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("decode(%s) = %v, want %q that quotes nothing", raw, err, want)
		}
	}
	var got allKinds
	if err := decode(json.RawMessage(`{"chat": null, "inner": null, "list": null}`), &got, nil); err != nil || got.Inner != nil {
		t.Errorf("decode of nulls = %+v, %v, want nothing set", got, err)
	}
}
