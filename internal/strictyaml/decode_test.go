package strictyaml_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

type inner struct {
	A string `yaml:"a"`
}

type embedded struct {
	Below string `yaml:"below"`
}

type kinds struct {
	Word   string         `yaml:"word,omitempty"`
	Wait   time.Duration  `yaml:"wait"`
	Yes    *bool          `yaml:"yes"`
	Small  int8           `yaml:"small"`
	Count  uint           `yaml:"count"`
	Ratio  float64        `yaml:"ratio"`
	Inner  *inner         `yaml:"inner"`
	List   []inner        `yaml:"list"`
	Map    map[string]int `yaml:"map"`
	Any    any            `yaml:"any"`
	Texts  []string       `yaml:"texts"`
	Own    own            `yaml:"own"`
	Hidden string         `yaml:"-"`
	embedded
}

// own reads itself.
type own struct{ kind strictyaml.Kind }

func (o *own) UnmarshalNode(_ *strictyaml.Decoder, _ string, n *strictyaml.Node) { o.kind = n.Kind }

func decode(src string, to any) *strictyaml.Decoder {
	d := strictyaml.NewDecoder(&strictyaml.Mistakes{})
	s := strictyaml.NewSource("f.yaml", []byte(src))
	s.Mask = func(line string) string { return strings.ReplaceAll(line, "hunter2", "REDACTED") }
	if n := d.Read(s); n != nil {
		d.Decode("", n, to)
	}
	return d
}

func TestDecode(t *testing.T) {
	t.Parallel()
	yes := true
	got := kinds{Ratio: 1}
	d := decode(`
word: w
wait: 1d
yes: true
small: -128
count: 18446744073709551615
ratio: # as good as not set
inner: {a: "1"}
list: [{a: "2"}, {}]
map: {x: 1}
any: [y, 1, 0.5, true, ~]
own: [1]
below: b
`, &got)
	want := kinds{
		Word: "w", Wait: 24 * time.Hour, Yes: &yes, Small: -128, Count: 1<<64 - 1, Ratio: 1,
		Inner: &inner{"1"}, List: []inner{{"2"}, {}}, Map: map[string]int{"x": 1},
		Any: []any{"y", json.Number("1"), json.Number("0.5"), true, nil}, Own: own{strictyaml.List}, embedded: embedded{"b"},
	}
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(want, got, all); diff != "" || len(d.List) > 0 {
		t.Errorf("decode (-want +got):\n%s\n%v", diff, d.List)
	}
	if !d.Has("inner.a") || d.Has("ratio") || d.Has("hidden") || d.Where("list[1].a").Line != 9 || d.Where("ratio").Column != 1 {
		t.Error("the decoder doesn't know what was written, and where")
	}
}

func TestDecodeReportsAll(t *testing.T) {
	t.Parallel()
	got := kinds{Word: "before", Wait: time.Second, Small: 1}
	d := decode(`word: 5
wait: soon
small: 128
hunter2: 1
inner: {b: 1}
list: {}
yes: "on"
count: "7"
texts: [a, ~]
map: {x: 1, y: 2, x: 3}
`, &got)
	if got.Word != "before" || got.Wait != time.Second || got.Small != 1 {
		t.Errorf("values with mistakes were taken: %+v", got)
	}
	var short []string
	for _, m := range d.Sorted() {
		short = append(short, m.Short())
		if strings.Contains(m.Source, "hunter2") {
			t.Errorf("%s shows what is masked", m)
		}
	}
	want := []string{
		`f.yaml:1: word must be text, got a number; put it in quotes`,
		`f.yaml:2: wait must be a duration; write it with its unit, such as 90s, 10m, 1h30m or 7d`,
		`f.yaml:3: small must be a whole number in range`,
		`f.yaml:4: unknown key "hunter2" here; known are word, wait, yes, small, count, ratio, inner, list, map, any, texts, own, below`,
		`f.yaml:5: unknown key "b" in inner; did you mean a?`,
		`f.yaml:6: list must be a list, got a section`,
		`f.yaml:7: yes must be true or false, got text; write true, without quotes`,
		`f.yaml:8: count must be a number, got text; leave the quotes out`,
		`f.yaml:9: texts must be a list of texts, got nothing`,
		`f.yaml:10: map.x is set twice; first in line 10`,
	}
	if diff := cmp.Diff(want, short); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestQuietQuotesNothing(t *testing.T) {
	t.Parallel()
	var got kinds
	d := strictyaml.NewDecoder(&strictyaml.Mistakes{})
	d.Quiet = true
	n := d.Read(strictyaml.NewSource("f.yaml", []byte("hunter2: 1\nmap: {hunter2: x}\nwait: hunter2\ninner: {hunter2: 1}\n")))
	d.Decode("", n, &got)
	if len(d.List) != 4 {
		t.Errorf("%d mistakes, want 4: %v", len(d.List), d.List)
	}
	for _, m := range d.List {
		if strings.Contains(m.Message, "hunter2") {
			t.Errorf("%q quotes what was read", m.Message)
		}
	}
}

// A path leads to one place: what is set there is there, and all else stays.
func TestSet(t *testing.T) {
	t.Parallel()
	read := func(src string) *strictyaml.Node {
		return (&strictyaml.Mistakes{}).Read(strictyaml.NewSource("f.yaml", []byte(src)))
	}
	base := read("do: [{send: {text: a, to: b}}]\nwait: 1m\n")
	for path, want := range map[string]string{
		"do[0].send.text": "", "do[0].send.new.deep": "", "wait": "", "max_age": "",
		"do[1].send.text": "do[1]", "do[x]": "do[x]", "do[0].send.text.a.b": "do[0].send.text.a", "wait[0]": "wait[0]", "": "", "do[0]..a": "do[0].",
	} {
		parts := strictyaml.SplitPath(path)
		over := strictyaml.Pair{Key: path, Value: &strictyaml.Node{Kind: strictyaml.Text, Text: "new"}}
		n, unreached := base.Set(parts, over)
		reached := strictyaml.JoinPath(parts[:min(len(parts), len(parts)-unreached+1)])
		switch {
		case path == "" || want != "":
			if unreached == 0 || reached != want {
				t.Errorf("%q led nowhere at %q (%d left), want %q", path, reached, unreached, want)
			}
		case unreached > 0:
			t.Errorf("%q leads nowhere at %q", path, reached)
		default:
			for _, part := range parts {
				if part == "[0]" {
					n = n.Items[0]
				} else {
					n = n.Child(part)
				}
			}
			if n.Text != "new" {
				t.Errorf("%q holds %q, want new", path, n.Text)
			}
		}
	}
	if diff := cmp.Diff(read("do: [{send: {text: a, to: b}}]\nwait: 1m\n").Plain(), base.Plain()); diff != "" {
		t.Errorf("setting changed the node itself (-want +got):\n%s", diff)
	}
}

// Whatever a file holds, it is decoded or refused with words, and places are in
// it.
func FuzzDecode(f *testing.F) {
	f.Add("word: w\nwait: 1d\nlist: [{a: b}]\n")
	f.Add("word: &a x\n? - b\n: \"\\x41\n \"\nmap: {a: 1, a: 2}\n---\n- é\xff")
	f.Fuzz(func(t *testing.T, src string) {
		var got kinds
		d := decode(src, &got)
		for _, m := range d.Sorted() {
			if m.Message == "" || m.String() == "" || m.Line < 0 || m.Line > strings.Count(src, "\n")+1 {
				t.Errorf("%+v has no words or no place", m)
			}
		}
	})
}
