package strictyaml

import (
	"runtime"
	"strings"
	"testing"
	"unicode"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

// Whatever the style, the place of a character is one where the file has it.
func TestPlacesInsideTexts(t *testing.T) {
	t.Parallel()
	styles := map[string]func(words []string) string{
		"plain": func(w []string) string { return "k: " + strings.Join(w, " ") },
		"lines": func(w []string) string { return "k: " + strings.Join(w, "\n    ") },
		"single": func(w []string) string {
			return "k: '" + strings.ReplaceAll(strings.Join(w, " "), "'", "''") + "'"
		},
		"single over lines": func(w []string) string {
			return "k: '" + strings.ReplaceAll(strings.Join(w, "\n   "), "'", "''") + "'"
		},
		"double": func(w []string) string {
			return `k: "` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "é", `\u00e9`).Replace(strings.Join(w, " ")) + `"`
		},
		"double with escaped spaces": func(w []string) string {
			return `k: "` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, " ", `\n\t\x20`).Replace(strings.Join(w, " ")) + `"`
		},
		"literal": func(w []string) string { return "k: |\n  " + strings.Join(w, "\n    ") + "\n" },
		"folded":  func(w []string) string { return "k: >-\n  " + strings.Join(w, "\n  ") + "\n" },
		"flow": func(w []string) string {
			return "{a: é, k: \"" + strings.ReplaceAll(strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(strings.Join(w, " ")), "\n", " ") + "\"}"
		},
	}
	word := rapid.StringMatching(`[a-z]([a-zé'"\\&|=(.]{0,6}[a-z])?`)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(word, 1, 6).Draw(t, "words")
		for style, write := range styles {
			doc := write(words)
			var value map[string]any
			if err := yaml.Unmarshal([]byte(doc), &value); err != nil {
				continue // not everything is a plain text
			}
			ms := &Mistakes{}
			src := NewSource("x", []byte(doc))
			top := ms.Read(src)
			if top == nil || top.Child("k") == nil || top.Child("k").Kind != Text {
				continue
			}
			n := top.Child("k")
			for offset, r := range n.Text {
				if unicode.IsSpace(r) {
					continue
				}
				p := n.Inside(offset)
				if got := []rune(src.lines[p.Line-1])[p.Column-1]; got != r && got != '\\' {
					t.Fatalf("%s: in %q, %q at byte %d is placed at %d:%d, where the file has %q", style, doc, r, offset, p.Line, p.Column, got)
				}
			}
			if p := n.Inside(len(n.Text)); p.Line == 0 {
				t.Fatalf("%s: the end has no place", style)
			}
		}
	})
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0s", "90s": "1m30s", "2m": "2m", "1h30m": "90m", "24h": "1d", "7d": "7d", "1w": "7d", "1.5h": "90m", "250ms": "250ms", "1us": "1µs", "2µs": "2µs", "3ns": "3ns", "-2m": "-2m", "+2m": "2m",
		"32.553s": "32.553s", "0.57s": "570ms", "8.29h": "8h17m24s", "1.1d": "1584m", "-0.1w": "-1008m", ".5s": "500ms", "1.s": "1s", "010s": "10s",
		"1h0.000000001s": "1h0m0.000000001s", "2562047h47m16.854775807s": "2562047h47m16.854775807s", "1\u00b5s": "1µs", "1.5\u03bcs": "1.5µs",
	} {
		d, err := ParseDuration(in)
		if got := FormatDuration(d); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", "5", "m", "5 m", "1y", "1.2.3h", "h1", "1h30", "9999999999w", "..s", ".s", "1_000s", "+", "+-2m", "--2m", "1e3s", "1/2h", "2562047h47m16.854775808s"} {
		if d, err := ParseDuration(in); err == nil {
			t.Errorf("%q is %s, want an error", in, d)
		}
	}
}

// A message of 32,000 characters with a mistake at its end took half a minute:
// the place of each character was looked for from the beginning of its line.
func TestPlaceInALongText(t *testing.T) { //nolint:paralleltest // it counts what all goroutines allocate
	allocated := func(length int) uint64 {
		src := NewSource("f", []byte("text: \""+strings.Repeat("ab ", length/3)+"\"\n"))
		ms := &Mistakes{}
		text := ms.Read(src).Child("text")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 5 {
			text.Inside(len(text.Text) - 1)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if one, two := allocated(3_000), allocated(6_000); two > 3*one {
		t.Errorf("a text takes %d bytes, one of twice its length %d: that isn't linear", one, two)
	}
}
